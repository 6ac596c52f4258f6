/** What holds for every example that puts the checkpoint in front of a web server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessLog } from '../support/access-log.ts';
import type { Owner } from '../support/owner.ts';
import { runProcess, startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import type { StaticPages } from '../support/static-pages.ts';
import { root } from './example.ts';

/** A web server that was started with an example's files. */
export interface ServerBehind extends StaticPages {
  /** The port that the example calls 8081. */
  readonly port: number;
  readonly accessLog: AccessLog;
}

/** Another address of this machine, so that the client's is not the checkpoint's. */
const client = '127.0.0.9';

/**
 * Starts the real program with the example's config, nothing in it changed but the two ports.
 *
 * @returns the port it listens on
 */
export async function startInFront(owner: Owner, config: string, server: ServerBehind): Promise<number> {
  const program = await startProcess(owner, process.execPath, [
    ...[`${root}/src/cli.ts`, 'start', '--config', `${root}/config/examples/${config}`],
    ...['--listen', '127.0.0.1:0', '--backend', `http://127.0.0.1:${server.port}`],
  ]);
  const [, port] = await program.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/);
  return Number(port);
}

const get = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: www.example.net', 'Connection: close', ...headers, '', ''].join('\r\n');

/** @param config the YAML file, in `config/examples/` */
export function testInFront(config: string, server: ServerBehind, port: number): void {
  const send = (bytes: string) => exchange(port, bytes, { from: client });

  test('`sekisho check` finds the config fine', async () => {
    const { code, stdout } = await runProcess(process.execPath, [
      ...[`${root}/src/cli.ts`, 'check', '--config', `${root}/config/examples/${config}`],
    ]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, / is fine: 2 listeners, 1 site, 2 hosts, policy default/);
  });

  test('pages are served', async () => {
    for (const [path, content] of server.pages) {
      const { responses } = await send(get(path));
      assert.equal(responses[0]?.status, 200, path);
      assert.deepEqual(responses[0].body, content, path);
    }
  });

  test("the log of the web server has the client's address", async () => {
    await send(get('/1k.txt?logged'));
    const line = await server.accessLog.waitFor(/logged/);
    assert.match(line, new RegExp(`^${client.replaceAll('.', '\\.')} - - `));
  });

  test('an address that the client claims is not believed', async () => {
    await send(get('/1k.txt?claimed', 'X-Forwarded-For: 192.0.2.66', 'Forwarded: for=192.0.2.66'));
    const line = await server.accessLog.waitFor(/claimed/);
    assert.match(line, new RegExp(`^${client.replaceAll('.', '\\.')} - - `));
  });

  test("the web server's own redirects lead to the site, not to its port on loopback", async () => {
    const { responses } = await send(get('/folder'));
    assert.equal(responses[0]?.status, 301);
    const [location] = responses[0].headers.get('location') ?? [];
    assert.equal(new URL(location!, 'https://www.example.net').href, 'https://www.example.net/folder/');
  });

  test('an absolute-form request for the own name is served', async () => {
    const { responses } = await send(get('http://www.example.net/1k.txt'));
    assert.deepEqual(responses[0]?.body, server.pages.get('/1k.txt'));
  });

  test('probes are refused and never reach the web server', async () => {
    const foreign = await send('GET http://www.example.com/probe HTTP/1.1\r\nHost: www.example.com\r\n\r\n');
    assert.equal(foreign.responses[0]?.status, 421);
    const tunnel = await send('CONNECT probe.example.com:25 HTTP/1.0\r\n\r\n');
    assert.equal(tunnel.responses[0]?.status, 405);
    // A server writes its lines in order: behind this one's, one for a probe would stand already.
    await send(get('/1k.txt?after-the-others'));
    await server.accessLog.waitFor(/after-the-others/);
    assert.deepEqual(
      (await server.accessLog.lines()).filter((line) => /probe|CONNECT/.test(line)),
      [],
    );
  });
}
