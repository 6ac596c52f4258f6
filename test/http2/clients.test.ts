/** Real HTTP/2 clients. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocketServer } from 'ws';
import { startBrowser } from '../support/browser.ts';
import { certificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { runGateway } from '../support/gateway.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import { without } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';

const owner = { after };
const run = promisify(execFile);
const host = 'localhost';

const images = 100;
const page = `<!doctype html><title>loading</title>${Array.from({ length: images }, (_, i) => `<img src="/image/${i}">`).join('')}
<script>
const done = {};
const tell = (what) => { done[what] = true; if (Object.keys(done).length === 4) document.title = 'all of it'; };
addEventListener('load', () => { if ([...document.images].every((one) => one.naturalWidth === 1)) tell('images'); });
fetch('/upload', { method: 'POST', body: 'u'.repeat(3e6) }).then((one) => one.text()).then((text) => text === '3000000' && tell('upload'));
const source = new EventSource('/events'); let events = 0;
source.onmessage = () => { if (++events === 3) { source.close(); tell('events'); } };
const socket = new WebSocket('wss://' + location.host + '/socket');
socket.onopen = () => socket.send('x'.repeat(200000));
socket.onmessage = (message) => { if (message.data.length === 200000) { socket.close(); tell('socket'); } };
</script>`;
const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');
const large = randomBytes(2_000_000);
const seen: string[] = [];
const backend = createServer((req, res) => {
  seen.push(`${req.method} ${req.url}`);
  if (req.url === '/page') res.setHeader('Content-Type', 'text/html').end(page);
  else if (req.url?.startsWith('/image/')) res.setHeader('Content-Type', 'image/gif').end(gif);
  else if (req.url === '/large') res.end(large);
  else if (req.url === '/medium') res.end(large.subarray(0, 100_000));
  else if (req.url === '/events') {
    res.setHeader('Content-Type', 'text/event-stream');
    let count = 0;
    const timer = setInterval(() => res.write(`data: ${count++}\n\n`), 20);
    res.on('close', () => clearInterval(timer));
  } else if (req.url === '/upload') {
    let length = 0;
    req.on('data', (bytes: Buffer) => {
      length += bytes.length;
    });
    req.on('end', () => res.end(String(length)));
  } else {
    req.resume();
    res.setHeader('Content-Length', '2').end('ok');
  }
});
const sockets = new WebSocketServer({ server: backend });
sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(String(text))));
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');
after(() => {
  backend.close();
  backend.closeAllConnections();
});
const { cert, key } = await certificate(owner, [host, '127.0.0.1']);
const gateway = await runGateway(
  owner,
  `sites: [{ hosts: ["${host}:*", "127.0.0.1:*"], backend: "http://127.0.0.1:${(backend.address() as AddressInfo).port}", websocket: true }]\nrateLimit: false\nbans: false\n`,
  `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
);
const url = `https://127.0.0.1:${gateway.port}`;
const folder = await tempDir(owner, 'http2-clients');
const upload = join(folder, 'upload');
writeFileSync(upload, large);

suite('curl', { skip: without('curl') }, () => {
  const curl = async (...args: string[]): Promise<string> =>
    (await run('curl', ['-sk', '--http2', '--max-time', '60', ...args], { maxBuffer: 1 << 24 })).stdout;

  test('GET, HEAD, and several at a time', async () => {
    assert.equal(await curl(url, '-w', ' %{http_version} %{http_code}'), 'ok 2 200');
    assert.match(await curl('-I', url), /^HTTP\/2 200 .*content-length: 2/s);
    const many = Array.from({ length: 30 }, () => `${url}/x`);
    assert.equal(await curl('-Z', ...many), 'ok'.repeat(30));
  });

  test('uploads: with a length, without one, and with Expect', async () => {
    const length = String(large.length);
    assert.equal(await curl('--data-binary', `@${upload}`, '-H', 'Expect:', `${url}/upload`), length);
    assert.equal(
      await curl('--data-binary', `@${upload}`, '-H', 'Expect: 100-continue', `${url}/upload`),
      length,
    );
    const piped = await run('sh', ['-c', `cat ${upload} | curl -sk --http2 -T - ${url}/upload`]);
    assert.equal(piped.stdout, length);
  });

  test('a large answer', async () => {
    const { stdout } = await run('curl', ['-sk', '--http2', `${url}/large`], {
      encoding: 'buffer',
      maxBuffer: 1 << 24,
    });
    assert.ok(large.equals(stdout));
  });

  test('a probe', async () => {
    assert.match(await curl('-H', 'Host: www.example.com', url), /host-foreign/);
  });
});

suite('nghttp and h2load', { skip: without('nghttp', 'h2load') }, () => {
  test('nghttp: an upload, and trailers', async () => {
    const { stdout } = await run('nghttp', ['-d', upload, '--trailer', 'x-sum: 1', `${url}/upload`]);
    assert.match(stdout, new RegExp(String(large.length)));
  });
  test('h2load: 20 connections of 10 streams', async () => {
    const { stdout } = await run('h2load', ['-c20', '-m10', '-n10000', url]);
    assert.match(stdout, /10000 succeeded, 0 failed, 0 errored/);
  });
});

suite("Node's http2", () => {
  test('100 requests at a time, and an upload', async () => {
    const session = await http2Session(owner, url);
    const one = { ':path': '/', ':authority': `${host}:${gateway.port}` };
    const replies = await Promise.all(Array.from({ length: 100 }, () => http2Request(session, one)));
    assert.ok(
      replies.every(
        ({ status, body, code }) => status === 200 && String(body) === 'ok' && code === 'NO_ERROR',
      ),
    );
    const sent = await http2Request(session, { ...one, ':method': 'POST', ':path': '/upload' }, large);
    assert.equal(String(sent.body), String(large.length));
    const got = await http2Request(session, { ...one, ':path': '/large' });
    assert.ok(large.equals(got.body));
  });
});

const h2 = '/usr/lib/python3/dist-packages/h2';
suite("Python's h2", {
  skip: existsSync(h2) ? false : 'needs python3-h2: run test/install-peers.sh as root',
}, () => {
  test('frame by frame', async () => {
    const script = join(import.meta.dirname, 'h2_client.py');
    const { stdout } = await run('/usr/bin/python3', [script, String(gateway.port), host], {
      timeout: 60_000,
    });
    assert.deepEqual(JSON.parse(stdout), {
      get: [200, 'ok'],
      upload: [200, '300000'],
      small_window: [200, 100_000],
      trailers: [200, '5'],
      malformed: 'reset 1',
      ping: 'abcdefgh',
      after: [200, 'ok'],
    });
  });
});

suite('HAProxy as a client', { skip: without('haproxy', 'curl') }, () => {
  test('HTTP/1 requests are forwarded as HTTP/2, several clients on one connection', async () => {
    const port = await freePort();
    const config = join(folder, 'haproxy.cfg');
    writeFileSync(
      config,
      `global\n  nbthread 1\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 10s\n  timeout server 10s\n  http-reuse always\nfrontend f\n  bind 127.0.0.1:${port}\n  default_backend b\nbackend b\n  server s 127.0.0.1:${gateway.port} ssl verify none alpn h2\n`,
    );
    const haproxy = spawn('haproxy', ['-db', '-f', config], { stdio: 'ignore' });
    after(() => haproxy.kill());
    const ask = (...args: string[]): Promise<{ stdout: string }> =>
      run('curl', ['-s', '--retry', '20', '--retry-connrefused', '--retry-delay', '1', ...args]);
    assert.equal((await ask(`http://127.0.0.1:${port}/`)).stdout, 'ok');
    const sent = await ask('--data-binary', `@${upload}`, '-H', 'Expect:', `http://127.0.0.1:${port}/upload`);
    assert.equal(sent.stdout, String(large.length));
    const all = await Promise.all(Array.from({ length: 20 }, () => ask(`http://127.0.0.1:${port}/`)));
    assert.ok(all.every(({ stdout }) => stdout === 'ok'));
  });
});

suite('nginx as a client', { skip: without('nginx', 'curl') }, () => {
  // Before 1.29.4 nginx speaks HTTP/2 to a backend only by `grpc_pass`, which carries any request.
  test('HTTP/1 requests are forwarded as HTTP/2 over kept connections', async () => {
    const port = await freePort();
    const config = join(folder, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/nginx-${name};`)
      .join(' ');
    writeFileSync(
      config,
      `daemon off; pid ${folder}/nginx.pid; error_log stderr crit; events { }
http {
  access_log off; ${temporary}
  upstream sekisho { server 127.0.0.1:${gateway.port}; keepalive 4; }
  server {
    listen 127.0.0.1:${port}; client_max_body_size 0;
    location / { grpc_pass grpcs://sekisho; grpc_set_header Host ${host}; }
  }
}
`,
    );
    const nginx = spawn('nginx', ['-c', config], { stdio: 'ignore' });
    after(() => nginx.kill());
    const ask = async (path: string, ...args: string[]): Promise<string> => {
      const retry = ['--retry', '20', '--retry-connrefused', '--retry-delay', '1'];
      const status = ['-w', ' %{http_code}'];
      return (await run('curl', ['-s', ...retry, ...status, ...args, `http://127.0.0.1:${port}${path}`]))
        .stdout;
    };
    assert.equal(await ask('/'), 'ok 200');
    assert.equal(await ask('/', '-I').then((text) => text.slice(-4)), ' 200');
    const length = String(large.length);
    assert.equal(await ask('/upload', '--data-binary', `@${upload}`, '-H', 'Expect:'), `${length} 200`);
    const all = await Promise.all(Array.from({ length: 20 }, () => ask('/')));
    assert.ok(all.every((text) => text === 'ok 200'));
    const head = 'x'.repeat(7000);
    assert.equal(await ask('/', '-H', `x-long: ${head}`, '-H', `x-more: ${head}`), 'ok 200');
  });
});

suite('Chromium', { skip: without('chromium') }, () => {
  test('a page with 100 images, an upload, an EventSource and a WebSocket', async () => {
    const browser = await startBrowser(owner);
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const tab = await context.newPage();
    const protocols = new Set<string>();
    const devtools = await context.newCDPSession(tab);
    await devtools.send('Network.enable');
    devtools.on('Network.responseReceived', ({ response }) => protocols.add(String(response.protocol)));
    await tab.goto(`https://${host}:${gateway.port}/page`);
    await tab.waitForFunction("document.title === 'all of it'", undefined, { timeout: 30_000 });
    assert.deepEqual([...protocols], ['h2']);
    assert.ok(seen.filter((line) => line.startsWith('GET /image/')).length >= images);
    await context.close();
  });
});

suite('all clients', () => {
  test('no event except for the probe, and no internal errors', () => {
    assert.deepEqual(
      gateway.events
        .filter(({ rule }) => rule !== 'host-foreign')
        .map(({ rule, bytes }) => `${rule} ${bytes}`),
      gateway.events
        .filter(({ bytes }) => bytes.includes('x-odd'))
        .map(({ rule, bytes }) => `${rule} ${bytes}`),
    );
    assert.deepEqual(
      gateway.log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50),
      [],
    );
  });
});
