/** `sekisho completion` in the real shells: the words that each offers. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { buildProgram } from '../../src/cli.ts';
import { commandSpec } from '../../src/completion/command-line.ts';
import { root } from '../support/gateway-process.ts';
import type { Owner } from '../support/owner.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** The completion script, and a folder with two files to complete. */
async function prepared(owner: Owner, shell: string): Promise<{ script: string; cwd: string }> {
  const cwd = await tempDir(owner, 'completion');
  const { code, stdout, stderr } = await runProcess(process.execPath, [
    join(root, 'src/cli.ts'),
    ...['completion', shell],
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  const script = join(cwd, '_sekisho');
  writeFileSync(script, stdout);
  mkdirSync(join(cwd, 'here'));
  writeFileSync(join(cwd, 'here', 'my sekisho.yaml'), '');
  return { script, cwd: join(cwd, 'here') };
}

const top = commandSpec(buildProgram(() => {})).commands.map(({ name }) => name);
const exports = ['nginx', 'haproxy', 'apache', 'caddy', 'fail2ban', 'crowdsec', 'egress'];

/** A command line, words that must be offered at its end, and words that must not. */
const cases: readonly (readonly [line: string, offered: readonly string[], none?: readonly string[]])[] = [
  ['sekisho ', top, ['list']],
  ['sekisho ch', ['check'], ['start']],
  ['sekisho bans ', ['list', 'add', 'remove'], ['start', 'backup']],
  ['sekisho start --', ['--config', '--listen', '--end-with-parent'], ['--json']],
  ['sekisho bans list --format ', ['plain', 'nftables', 'nginx', 'haproxy'], ['--json']],
  ['sekisho bans list --format plain --', ['--json', '--admin'], ['--reason']],
  ['sekisho export ', exports],
  ['sekisho completion ', ['bash', 'zsh', 'fish'], ['nginx']],
  ['sekisho start --config ', ['my sekisho.yaml'], ['--listen']],
  ['sekisho scan ', ['my sekisho.yaml']],
];

suite('completion', () => {
  test('in bash', async (t) => {
    const { script, cwd } = await prepared(t, 'bash');
    for (const [line, offered, none = []] of cases) {
      const words = line.split(' ');
      const ask = `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sekisho; printf '%s\n' "\${COMPREPLY[@]}"`;
      const { stdout, stderr } = await runProcess('bash', ['--norc', '-c', ask, script, ...words], { cwd });
      assert.equal(stderr, '', line);
      check(line, stdout.split('\n'), offered, none);
    }
  });

  test('in fish', { skip: without('fish') }, async (t) => {
    const { script, cwd } = await prepared(t, 'fish');
    for (const [line, offered, none = []] of cases) {
      const ask = `source '${script}'; complete -C '${line}'`;
      const { stdout, stderr } = await runProcess(requirePeer('fish'), ['--no-config', '-c', ask], { cwd });
      assert.equal(stderr, '', line);
      const lines = stdout.split('\n').map((one) => one.split('\t')[0]!.replaceAll('\\ ', ' '));
      check(line, lines, offered, none);
    }
  });

  test('in zsh', { skip: without('zsh') }, async (t) => {
    const { script, cwd } = await prepared(t, 'zsh');
    // A zsh on a pseudo-terminal that prints every offered word.
    const inner = [
      `autoload -U compinit; compinit -u -D; source ${script}`,
      "zstyle ':completion:*' list-grouped false; zstyle ':completion:*' format ''; setopt no_list_ambiguous; LISTMAX=0",
      `compadd() { local -a __t; builtin compadd -O __t "$@"; print -rl -- "<<"\${^__t}">>" >> ${cwd}/../offered; builtin compadd "$@"; }`,
      `cd ${cwd}; PROMPT=ready`,
    ].join('\n');
    writeFileSync(join(cwd, '../.zshrc'), inner);
    const file = join(cwd, '../offered');
    writeFileSync(file, '');
    const lines = cases.map(([line]) => JSON.stringify(line)).join(' ');
    // Types each line and a tab, then deletes it; a line is done when words were offered and no more arrive.
    const ask = `zmodload zsh/zpty; zmodload zsh/stat
zpty z "ZDOTDIR=${join(cwd, '..')} zsh -i"
zpty -r z out '*ready*'
size() { zstat -A got +size ${file}; print $got }
for line in ${lines}; do
  print -r -- "== $line" >> ${file}
  before=$(size)
  zpty -w -n z "$line"$'\\t'
  for n in {1..250}; do sleep 0.02; [[ $(size) != $before ]] && break; done
  for n in {1..50}; do before=$(size); sleep 0.05; [[ $(size) == $before ]] && break; done
  zpty -w -n z $'\\x15'
done
zpty -d z`;
    await runProcess(requirePeer('zsh'), ['-f', '-c', ask], { cwd, timeout: 60_000 });
    const answers = readFileSync(file, 'utf8')
      .split(/^== .*\n/m)
      .slice(1);
    for (const [index, [line, offered, none = []]] of cases.entries()) {
      const words = [...(answers[index] ?? '').matchAll(/^<<(.*)>>$/gm)].map(([, word]) =>
        word!.replaceAll('\\ ', ' '),
      );
      check(line, words, offered, none);
    }
  });
});

function check(
  line: string,
  got: readonly string[],
  offered: readonly string[],
  none: readonly string[],
): void {
  for (const word of offered)
    assert.ok(got.includes(word), `${line}: ${word} is not among ${got.join(' | ')}`);
  for (const word of none) assert.ok(!got.includes(word), `${line}: ${word} is among ${got.join(' | ')}`);
}
