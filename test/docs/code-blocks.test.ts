/** Code in the pages works: configs pass `check`, commands exist, quoted files match. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { parseDocument } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { buildProgram } from '../../src/cli.ts';
import { faultLines } from '../../src/commands/fault-lines.ts';
import { compile } from '../../src/config/compile.ts';
import { ConfigError } from '../../src/config/fault.ts';
import { parseConfig } from '../../src/config/load.ts';
import { explain } from '../../src/explain/explain.ts';
import { peer } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { type CodeBlock, pages, root } from './markdown.ts';
import { shownOnly } from './shown-only.ts';

const scripts = new Set([...Object.keys(packageJson.scripts), 'ci', 'install', 'test', 'start']);
const program = buildProgram(() => {});

/** Commands on the reader's machine that the test machine may lack. */
const elsewhere = new Set([
  ...[
    'sudo',
    'nft',
    'systemctl',
    'apt-get',
    'sysctl',
    'apachectl',
    'a2enmod',
    'a2enconf',
    'a2ensite',
    'a2disconf',
    'certbot',
    'install',
    'nginx',
    'fail2ban-regex',
  ],
  ...['curl', 'nmap', 'git', 'docker', 'kubectl'],
]);
const builtins = new Set(['cd', 'echo', 'printf', 'export']);

function checkYaml(block: CodeBlock): void {
  const document = parseDocument(block.text);
  assert.deepEqual(document.errors, []);
  // Without `sites` it is part of a config, or another kind of YAML.
  if (document.contents === null || !('has' in document.contents) || !document.has('sites')) return;
  try {
    parseConfig(block.text, root);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const faults = error.faults.map((fault) => faultLines('the config', fault));
    // This machine has neither the reader's certificates and lists nor those that the tutorial makes (its own test checks those).
    const left = faults.filter(
      (text) => !/"(?:\/(?:etc|var)\/[^"]+|(?:cert|key)\.pem)" can't be (?:read|created)/.test(text),
    );
    assert.deepEqual(left, []);
  }
}

/** The commands of a block, split at pipes and lists; in a transcript, the lines after `$ `. */
function commandsOf({ language, text }: CodeBlock): string[][] {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const commands = language === 'console' ? lines.flatMap((line) => /^\$ (.*)/.exec(line)?.[1] ?? []) : lines;
  return commands
    .map((line) => line.replace(/^#.*| #.*$/, ''))
    .flatMap((line) => line.match(/(?:'[^']*'|"[^"]*"|[^'"|&;])+/g) ?? [])
    .map((command) => command.trim().split(/\s+/))
    .map((words) => words.slice(words.findIndex((word) => word !== 'sudo' && !/^[A-Z_]+=/.test(word))))
    .filter(([name]) => name !== undefined && name !== '');
}

/** @param made files that earlier commands write */
function checkCommand([name, ...args]: string[], folder: string, made: Set<string>): void {
  switch (name) {
    case 'npm': {
      const words = args.filter((word) => word !== 'run' && word !== '-s');
      assert.ok(scripts.has(words[0]!), `package.json has no script ${words[0]}`);
      if (words[0] === 'sekisho' && words[1] === '--') checkSekisho(words.slice(2), made);
      return;
    }
    case 'sekisho':
      checkSekisho(args, made);
      return;
    case 'node':
    case 'sh': {
      const file = args.find((word) => !word.startsWith('-'));
      assert.ok(file !== undefined && existsSync(join(folder, file)), `there is no ${file}`);
      return;
    }
    case 'cp':
      for (const path of args.slice(0, -1))
        assert.ok(existsSync(join(folder, path)), `there is no ${path} in ${folder}`);
      return;
    default:
      assert.ok(
        builtins.has(name!) || elsewhere.has(name!) || peer(name!) !== null,
        `there is no command ${name}`,
      );
  }
}

function checkSekisho([name, ...rest]: string[], made: Set<string>): void {
  const outer = program.commands.find((one) => one.name() === name);
  assert.ok(outer !== undefined, `sekisho has no command ${name}`);
  if (name === 'init') made.add('sekisho.yaml');
  const inner = outer.commands.find((one) => one.name() === rest[0]);
  const command = inner ?? outer;
  const args = inner === undefined ? rest : rest.slice(1);
  for (const [index, word] of args.entries()) {
    if (!word.startsWith('--')) continue;
    assert.ok(
      command.options.some(({ long }) => long === word),
      `sekisho ${name} has no option ${word}`,
    );
    const file = args[index + 1];
    if (word === '--config' && file !== undefined && file !== 'FILE' && !isAbsolute(file) && !made.has(file))
      assert.ok(existsSync(join(root, file)), `there is no ${file}`);
  }
}

/** A block from the middle of an example has less indentation. */
const flush = (text: string): string => text.replace(/^ +/gm, '');

const exampleLines = new Set(
  globSync('config/examples/**/*.{conf,cf}', { cwd: root })
    .flatMap((path) => readFileSync(join(root, path), 'utf8').split('\n'))
    .map((line) => line.trim()),
);

const examples = globSync('config/examples/**/*.{conf,yaml}', { cwd: root }).map((path) =>
  flush(readFileSync(join(root, path), 'utf8')),
);

const { policy: ownSite } = compile(
  parseConfig('sites: [{ hosts: [www.example.net], backend: "http://127.0.0.1:8081" }]', root),
);

/** The verdict on each request in the hand-written pages, for www.example.net. */
const requests: ReadonlyMap<string, string> = new Map([
  ['GET /x?y HTTP/1.1', 'allow'],
  ['GET http://www.example.net:80/x?y HTTP/1.1', 'allow'],
  ['GET http://www.example.com/ HTTP/1.1', 'block'],
]);

/** Runs a script of a page; adds the lines that the page omits. */
async function runScript(text: string): Promise<void> {
  const app = /\bconst app = /.test(text) ? '' : "import Fastify from 'fastify';\nconst app = Fastify();\n";
  const script = `${app}${text}\nawait app.ready();\nawait app.close();\n`.replaceAll(
    // The main export has everything that the sub-paths export.
    /from 'sekisho(?:\/[\w-]+)?'/g,
    `from ${JSON.stringify(pathToFileURL(join(root, 'src/index.ts')).href)}`,
  );
  const { code, stderr } = await runProcess(process.execPath, ['--input-type=module'], {
    cwd: root,
    input: script,
    env: { METRICS_TOKEN: 'of-sixteen-and-more', DASHBOARD_TOKEN: 'of-sixteen-and-more' },
  });
  assert.equal(code, 0, stderr);
}

test('every reason in shown-only.ts is needed', () => {
  for (const { path, says } of shownOnly) {
    const page = pages.find((one) => one.path === path);
    const block = page?.blocks.find(({ language, text }) => language === 'text' && text.includes(says));
    assert.ok(block !== undefined, `${path} has no text block that says ${says}`);
  }
});

suite('code blocks', () => {
  for (const { path, blocks, code } of pages) {
    for (const block of blocks) {
      const name = `${path}:${block.line} (${block.language})`;
      switch (block.language) {
        case 'yaml':
          test(`${name} is right`, () => checkYaml(block));
          break;
        case 'sh':
        case 'console':
          // tutorial.test.ts and newcomer.test.ts run these.
          if (path.startsWith('docs/tutorial/') || path === 'docs/how-to/debian-apache.md') break;
          test(`${name} runs commands that exist`, () => {
            let folder = root;
            const made = new Set<string>();
            for (const command of commandsOf(block)) {
              checkCommand(command, folder, made);
              if (command[0] === 'cd') {
                folder = join(folder, command[1]!);
                assert.ok(existsSync(folder), `there is no folder ${command[1]}`);
              }
            }
          });
          break;
        case 'apache':
        case 'nginx':
          test(`${name} is from config/examples`, () => {
            assert.ok(examples.some((example) => example.includes(flush(block.text))));
          });
          break;
        case 'conf':
          test(`${name} has only lines from config/examples`, () => {
            for (const line of block.text.trimEnd().split('\n'))
              assert.ok(exampleLines.has(line.trim()), `no example says ${line}`);
          });
          break;
        case 'js':
          test(`${name} runs`, () => runScript(block.text));
          break;
        case 'json':
          test(`${name} is an object`, () => assert.equal(typeof JSON.parse(block.text), 'object'));
          break;
        case 'http':
          // The reference comes from the corpus, which is sent to the real gateway.
          if (path === 'docs/reference/rules.md') break;
          test(`${name} is judged as the page says`, () => {
            const bytes = `${block.text.replaceAll('\n', '\r\n')}\r\n`;
            assert.equal(
              explain(Buffer.from(bytes), ownSite).verdict.action,
              requests.get(block.text.split('\n', 1)[0]!),
            );
          });
          break;
        case 'text':
          test(`${name} is run by another test, or cannot be run`, () => {
            const [known] = shownOnly.filter((one) => one.path === path && block.text.includes(one.says));
            assert.ok(known !== undefined, 'make it a console block, or give the reason in shown-only.ts');
          });
          break;
        case '':
          test(`${name} names its language`, () => assert.fail('write a language after the ```, or text'));
          break;
        default:
          test(`${name} is checked`, () => assert.fail('nothing checks a block of this language'));
      }
    }
    test(`${path} names scripts that exist`, () => {
      for (const words of code) {
        const script = /^npm run (?:-s )?([\w:-]+)/.exec(words)?.[1];
        if (script !== undefined) assert.ok(scripts.has(script), `\`${words}\``);
      }
    });
    test(`${path} names files that exist`, () => {
      for (const words of code) {
        if (!/^(?:src|plugins|test|config|docs|bench)\/[\w./-]*$/.test(words)) continue;
        assert.ok(existsSync(join(root, words)), `\`${words}\``);
      }
    });
  }
});
