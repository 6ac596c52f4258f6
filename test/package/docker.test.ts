/** The Dockerfile without Docker: runs its steps in a folder, and the result read-only as an unprivileged user. */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { freePort } from '../support/free-port.ts';
import { root } from '../support/gateway-process.ts';
import { cleanEnv, run } from '../support/installed-package.ts';
import { without } from '../support/peers.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Step {
  readonly verb: string;
  readonly rest: string;
}

const steps: readonly Step[] = readFileSync(join(root, 'Dockerfile'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => ({ verb: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1) }));
const second = steps.findLastIndex(({ verb }) => verb === 'FROM');
const ofVerb = (verb: string): string[] => steps.filter((one) => one.verb === verb).map(({ rest }) => rest);

const isRoot = process.getuid?.() === 0 ? false : 'needs root: a read-only mount, and another user';

suite('Docker', () => {
  test('the image runs as an unprivileged user, and contains only the second stage', () => {
    assert.deepEqual(ofVerb('USER'), ['node']);
    assert.deepEqual(
      steps.slice(second).filter(({ verb }) => verb === 'RUN'),
      [],
    );
    assert.ok(ofVerb('FROM').every((rest) => !/[/]|:latest/.test(rest.split(' ')[0]!)));
  });

  test('its steps build a program that runs read-only, with a working health check', {
    skip: without('unshare', 'setpriv') || isRoot,
    timeout: 180_000,
  }, async (t) => {
    const dir = await tempDir(t, 'docker');
    chmodSync(dir, 0o755);
    const [build, image] = [join(dir, 'build'), join(dir, 'image')];
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n');
    for (const { verb, rest } of steps.slice(0, second)) {
      if (verb === 'COPY') {
        assert.equal(rest, '. .');
        cpSync(root, build, {
          recursive: true,
          filter: (from) => from === root || !ignored.includes(from.slice(root.length + 1)),
        });
      } else if (rest.startsWith('npm ci')) {
        // The packages that `npm ci` installed for these tests; there is no network here.
        await run('cp', ['-a', `${join(root, 'node_modules')}/.`, join(build, 'node_modules')], dir);
      } else if (verb === 'RUN') await run('sh', ['-c', rest], build);
    }
    mkdirSync(image);
    for (const { verb, rest } of steps.slice(second)) {
      if (verb !== 'COPY') continue;
      const [, from, to] = /^--from=build \/sekisho\/(\S+) (\S+)$/.exec(rest)!;
      cpSync(join(build, from!), join(image, to!), { recursive: true });
    }
    assert.ok(!existsSync(join(image, 'node_modules/typescript')) && !existsSync(join(image, 'test')));

    const backend = await recordingBackend(t);
    const [port, admin] = [await freePort(), await freePort()];
    const config = join(dir, 'sekisho.yaml');
    const text = readFileSync(join(root, 'config/examples/docker/sekisho.yaml'), 'utf8');
    await writeFile(
      config,
      text
        .replace('0.0.0.0:8080', `127.0.0.1:${port}`)
        .replace('listen: 127.0.0.1:9090', `listen: 127.0.0.1:${admin}`)
        .replace('http://web:80', backend.url),
    );
    const entry = JSON.parse(ofVerb('ENTRYPOINT')[0]!) as string[];
    const command = (JSON.parse(ofVerb('CMD')[0]!) as string[]).map((word) =>
      word === '/etc/sekisho/sekisho.yaml' ? config : word,
    );
    const node = join(dir, 'node');
    cpSync(process.execPath, node);
    chmodSync(node, 0o755);
    const inside = (words: readonly string[]): string[] => [
      '-m',
      'sh',
      '-c',
      // Only /tmp is still writable by anybody.
      'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && cd "$1/image" && shift && exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --no-new-privs "$@"',
      'sh',
      dir,
      ...words.map((word) => (word === 'node' ? node : word)),
    ];
    const gateway = await startProcess(t, 'unshare', inside([...entry, ...command]), { cwd: dir });
    await gateway.waitForLine(/^listening http /m, 30_000);
    assert.match(readFileSync(`/proc/${gateway.pid}/status`, 'utf8'), /^Uid:\s+65534\s+65534/m);
    const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
    assert.equal((await exchange(port, get, { until: 1 })).responses[0]?.status, 200);
    const probe = 'GET http://www.example.com/ HTTP/1.0\r\n\r\n';
    assert.equal((await exchange(port, probe)).responses[0]?.status, 421);

    // As Docker runs the check: in a shell, in the container.
    const [, health] = /CMD (.*)$/.exec(ofVerb('HEALTHCHECK')[0]!)!;
    const check = health!.replace('node ', `${node} `).replace('/etc/sekisho/sekisho.yaml', config);
    const ask = async () => {
      const { code, stdout, stderr } = await runProcess('sh', ['-c', check], { env: cleanEnv, cwd: image });
      return [code, stdout + stderr];
    };
    assert.deepEqual(await ask(), [0, 'the gateway takes requests\n']);
    // A half-written config that waits for a reload says nothing about the running gateway.
    await writeFile(config, 'sites: [');
    assert.equal((await ask())[0], 0);
    await writeFile(
      config,
      `listen: ["127.0.0.1:${port}"]\nsites: [{ hosts: [a.example], backend: welcome }]\n`,
    );
    assert.equal((await ask())[0], 0);
    await gateway.stop();
    assert.deepEqual(await ask(), [1, `no connection to 127.0.0.1:${port}: ECONNREFUSED\n`]);
  });

  test('the compose file mounts a valid config, and no traffic bypasses the gateway', () => {
    const folder = join(root, 'config/examples/docker');
    const { services, networks } = parse(readFileSync(join(folder, 'compose.yaml'), 'utf8'));
    const { sekisho, web } = services;
    assert.ok(existsSync(join(folder, sekisho.build, 'Dockerfile')));
    const [mounted] = sekisho.volumes as string[];
    const [file, place] = mounted!.split(':') as [string, string];
    assert.equal(place, (JSON.parse(ofVerb('CMD')[0]!) as string[]).at(-1));
    const { listen, sites } = loadConfig(join(folder, file));
    assert.deepEqual(sekisho.ports, [`80:${listen[0]!.port}`]);
    assert.deepEqual(ofVerb('EXPOSE'), [String(listen[0]!.port)]);
    assert.match(JSON.stringify(sites[0]), /"web"/);
    assert.deepEqual([sekisho.read_only, sekisho.cap_drop], [true, ['ALL']]);
    assert.equal(web.ports, undefined);
    assert.deepEqual([web.networks, networks.inside.internal], [['inside'], true]);
    assert.equal(statSync(join(folder, basename(file))).isFile(), true);
    assert.equal(dirname(place), '/etc/sekisho');
  });
});
