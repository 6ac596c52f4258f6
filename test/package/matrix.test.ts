/** The packed plugins on every supported Node, imported, required and typed, in front of every kind of server. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { certificate } from '../support/certificate.ts';
import { cleanEnv, installedPackage, root } from '../support/installed-package.ts';
import { peer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';

const { app, node } = await installedPackage({ after }, ['@types/node']);
await certificate({ after }, ['www.example.net'], app);

/** One own request and one foreign one, by `inject` and over each kind of server; then each server without Fastify. */
const use = `
const tls = { cert: fs.readFileSync('www.example.net.pem'), key: fs.readFileSync('www.example.net.key') };
const hosts = ['www.example.net'];
const ask = (client, port, host) => new Promise((resolve, reject) => {
  const request = client.request({ port, host: '127.0.0.1', headers: { host }, rejectUnauthorized: false });
  request.on('response', (response) => { response.resume(); resolve(response.statusCode); }).on('error', reject).end();
});
const ask2 = (url, host) => new Promise((resolve, reject) => {
  const session = http2.connect(url, { rejectUnauthorized: false }).on('error', reject);
  session.request({ ':path': '/', ':authority': host }).on('response', (head) => {
    session.destroy();
    resolve(head[':status']);
  });
});
const both = async (one) => [await one('www.example.net'), await one('www.example.com')].join('/');
async function fastify(name, options, one) {
  const app = Fastify({ ...options, forceCloseConnections: true });
  await app.register(relayGuard, { hosts });
  await app.register(bans, { after: 100, journal: 'bans.db' });
  await app.register(rateLimit, { max: 100 });
  await app.register(metrics, { token: false });
  app.register(forward, { prefix: '/none', backend: 'http://127.0.0.1:9', websocket: true });
  app.get('/', async () => 'hello');
  if (name === 'inject') return both(async (host) => (await app.inject({ url: '/', headers: { host } })).statusCode);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const results = await both((host) => one(app.server.address().port, host));
  await app.close();
  return results;
}
async function plain(server, one) {
  guard(server, { hosts });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const results = await both((host) => one(server.address().port, host));
  server.close();
  return results;
}
const hello = (req, res) => res.end('hello');
const secure = (port, host) => ask2('https://127.0.0.1:' + port, host);
const clear = (port, host) => ask2('http://127.0.0.1:' + port, host);
console.log([
  await fastify('inject', {}),
  await fastify('http', {}, (port, host) => ask(http, port, host)),
  await fastify('https', { https: tls }, (port, host) => ask(https, port, host)),
  await fastify('h2c', { http2: true }, clear),
  await fastify('http2', { http2: true, https: tls }, secure),
  await plain(http.createServer(hello), (port, host) => ask(http, port, host)),
  await plain(https.createServer(tls, hello), (port, host) => ask(https, port, host)),
  await plain(http2.createServer(hello), clear),
  await plain(http2.createSecureServer(tls, hello), secure),
].join(' '));
process.exit(0);
`;
const expected = `${Array(9).fill('200/421').join(' ')}\n`;

const paths: Readonly<Record<string, string>> = {
  relayGuard: 'relay-guard',
  guard: 'guard',
  forward: 'forward',
  bans: 'bans',
  rateLimit: 'rate-limit',
  metrics: 'metrics',
};
const builtIn = ['fs', 'http', 'https', 'http2'];

const imports = [
  ...builtIn.map((name) => `import ${name} from 'node:${name}';`),
  "import Fastify from 'fastify';",
  ...Object.entries(paths).map(([name, path]) => `import { ${name} } from 'sekisho/${path}';`),
].join('\n');
const requires = [
  ...builtIn.map((name) => `const ${name} = require('node:${name}');`),
  "const Fastify = require('fastify');",
  ...Object.entries(paths).map(([name, path]) => `const { ${name} } = require('sekisho/${path}');`),
].join('\n');
writeFileSync(join(app, 'use.mjs'), `${imports}\n${use}`);
writeFileSync(join(app, 'use.cjs'), `${requires}\n(async () => {${use}})();`);
writeFileSync(
  join(app, 'use.mts'),
  `${imports}\n${use.replaceAll('(name, options, one)', '(name: string, options: object, one?: any)')}`,
);
// No import may print a warning.
writeFileSync(
  join(app, 'import.mjs'),
  `${imports}\nimport * as all from 'sekisho';\nconsole.log(typeof all.dashboard);`,
);

const nodes: Readonly<Record<string, string | null>> = {
  22: peer('node22'),
  24: peer('node24'),
  [process.versions.node.split('.')[0]!]: process.execPath,
};

suite('the packed plugins', () => {
  for (const [major, path] of Object.entries(nodes)) {
    const skip = path === null ? without(`node${major}`) : false;
    const run = (...args: string[]) => runProcess(path!, args, { cwd: app, env: { ...cleanEnv } });

    for (const file of ['use.mjs', 'use.cjs', 'use.mts'])
      test(`work on Node ${major}: ${file}`, { skip }, async () => {
        const { stdout, stderr } = await run(file);
        assert.equal(stdout, expected, stderr);
      });

    test(`warn of nothing at import on Node ${major}`, { skip }, async () => {
      const { stdout, stderr } = await run('import.mjs');
      assert.deepEqual([stdout, stderr], ['function\n', '']);
    });
  }

  test('the program names the Node it needs on an older one', { skip: without('node22') }, async () => {
    const command = join(app, 'node_modules/sekisho/dist/program/cli.cjs');
    const { code, stderr } = await runProcess(peer('node22')!, [command, 'check'], {
      cwd: app,
      env: { ...cleanEnv },
    });
    assert.equal(code, 1);
    assert.match(stderr, /^sekisho: needs Node 24\.9 or newer; this is 22\./);
  });

  for (const [resolution, module] of [
    ['nodenext', 'nodenext'],
    ['bundler', 'esnext'],
  ] as const)
    test(`have types with moduleResolution ${resolution}, dependencies checked too`, async () => {
      const types = Object.entries(paths)
        .map(([name, path]) => `import { ${name} } from 'sekisho/${path}';\nexport const _${name} = ${name};`)
        .join('\n');
      writeFileSync(
        join(app, 'types.ts'),
        `${types}\nimport * as all from 'sekisho';\nexport default all;\n`,
      );
      const compilerOptions = {
        module,
        moduleResolution: resolution,
        target: 'es2024',
        types: ['node'],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
      };
      writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['types.ts'] }));
      await node([join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
    });
});
