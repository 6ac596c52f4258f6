/**
 * Builds `sekisho_VERSION_ARCH.deb` with only dpkg-deb: the program, its dependencies, and the Node that it was tested with,
 * because Debian's is too old.
 *
 * `node tools/deb.ts [FOLDER]` writes it there; without FOLDER here. DEBFULLNAME and DEBEMAIL name its maintainer.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildProgram } from '../src/cli.ts';
import { bashCompletion } from '../src/completion/bash.ts';
import { commandSpec } from '../src/completion/command-line.ts';
import { fishCompletion } from '../src/completion/fish.ts';
import { zshCompletion } from '../src/completion/zsh.ts';
import { changelog, copyright, maintainer } from './debian/documents.ts';
import { copyRuntime } from './runtime.ts';
import { bom, nodeComponent } from './sbom.ts';

const root = resolve(import.meta.dirname, '..');
const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string;
  description: string;
};
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const architecture = architectures[process.arch];
if (architecture === undefined) throw new Error(`unknown Debian architecture for ${process.arch}`);
const target = resolve(process.argv[2] ?? '.', `sekisho_${version}_${architecture}.deb`);

const { status } = spawnSync(process.execPath, [join(root, 'tools/build.ts')], { stdio: ['ignore', 2, 2] });
if (status !== 0) process.exit(1);

const stage = mkdtempSync(join(tmpdir(), 'sekisho-deb-'));
try {
  fill();
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zgzip', '--build', stage, target], {
    stdio: ['ignore', 2, 2],
  });
  process.stdout.write(`${target}\n`);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function fill(): void {
  chmodSync(stage, 0o755);
  const home = 'usr/lib/sekisho';
  const dependencies = copyRuntime(join(stage, home));
  // Some packages mark every file executable; only Node needs to be.
  for (const file of readdirSync(join(stage, home), { recursive: true, withFileTypes: true }))
    if (file.isFile()) chmodSync(join(file.parentPath, file.name), 0o644);
  put(process.execPath, `${home}/bin/node`);
  executable(`${home}/bin/node`);
  put(join(root, 'tools/debian/sekisho'), 'usr/bin/sekisho');
  executable('usr/bin/sekisho');
  const unit = readFileSync(join(root, 'config/examples/systemd/sekisho.service'), 'utf8');
  // The first lines of the unit describe manual steps that the package does itself.
  write(
    'usr/lib/systemd/system/sekisho.service',
    unit.replace(/^(?:#.*\n)+/, '').replace('/usr/local/bin/', '/usr/bin/'),
  );
  write(
    'usr/share/man/man1/sekisho.1.gz',
    gzipSync(readFileSync(join(root, 'dist/man/sekisho.1')), { level: 9 }),
  );
  const program = commandSpec(buildProgram(() => {}));
  write('usr/share/bash-completion/completions/sekisho', bashCompletion(program));
  write('usr/share/zsh/vendor-completions/_sekisho', zshCompletion(program));
  write('usr/share/fish/vendor_completions.d/sekisho.fish', fishCompletion(program));
  put(join(root, 'README.md'), 'usr/share/doc/sekisho/README.md');
  put(join(root, 'CHANGELOG.md'), 'usr/share/doc/sekisho/CHANGELOG.md');
  put(join(root, 'tools/debian/LICENSE.node'), 'usr/share/doc/sekisho/LICENSE.node');
  put(join(root, 'tools/debian/overrides'), 'usr/share/lintian/overrides/sekisho');
  const whose = maintainer(process.env);
  write('usr/share/doc/sekisho/copyright', copyright(root, home, dependencies));
  write('usr/share/doc/sekisho/changelog.gz', changelog(version, whose, new Date()));
  write('usr/share/doc/sekisho/sekisho.cdx.json', `${JSON.stringify(bom(nodeComponent()), null, 2)}\n`);
  write(
    'DEBIAN/control',
    [
      'Package: sekisho',
      `Version: ${version}`,
      `Architecture: ${architecture}`,
      `Maintainer: ${whose}`,
      'Depends: libc6 (>= 2.28), libstdc++6 (>= 12), libatomic1, passwd',
      'Section: net',
      'Priority: optional',
      // Debian policy: a synopsis begins without an article.
      `Description: ${description.replace(/^An? /, '')}`,
      ' Refuses attempts to use your server as an open proxy or mail relay, and',
      ' passes every ordinary request on to it.',
      '',
    ].join('\n'),
  );
  for (const script of ['postinst', 'prerm', 'postrm']) {
    put(join(root, 'tools/debian', script), `DEBIAN/${script}`);
    executable(`DEBIAN/${script}`);
  }
}

function put(from: string, to: string): void {
  mkdirSync(dirname(join(stage, to)), { recursive: true });
  cpSync(from, join(stage, to), { recursive: true });
}

function write(name: string, text: string | Buffer): void {
  mkdirSync(dirname(join(stage, name)), { recursive: true });
  writeFileSync(join(stage, name), text);
}

function executable(name: string): void {
  chmodSync(join(stage, name), 0o755);
}
