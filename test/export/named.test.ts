/** HAProxy, Apache and Caddy log the rule that refused a request. nginx: nginx.test.ts. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { requirePeer, without } from '../support/peers.ts';
import { plainHaproxy } from '../support/plain-servers.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { tempDir } from '../support/temp-dir.ts';
import { onFreePort } from '../support/web-server.ts';
import { anyBackend } from './any-backend.ts';
import { partsOf, servers } from './servers.ts';

const foreign = 'GET /a HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n';
const own = 'GET /a HTTP/1.1\r\nHost: www.example.net\r\nConnection: close\r\n\r\n';

suite('the rule that refused a request', () => {
  test('is in a variable of HAProxy', { skip: without('haproxy') }, async (t) => {
    const backend = await anyBackend(t);
    const shown = '    http-after-response set-header X-Rule %[var(txn.sekisho_rule)]\n';
    const { port } = await plainHaproxy(t, backend, partsOf('haproxy').frontend! + shown);
    const ruleOf = async (bytes: string): Promise<string | undefined> =>
      (await exchange(port, bytes, { until: 1 })).responses[0]?.headers.get('x-rule')?.join();
    assert.equal(await ruleOf(foreign), 'host-foreign');
    assert.equal(
      await ruleOf('CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n'),
      'connect',
    );
    assert.equal((await ruleOf(own)) ?? '', '');
  });

  test('is in the log of Apache, with whether it counts', { skip: without('apache2') }, async (t) => {
    const backend = await anyBackend(t);
    const apache = await servers.find(({ target }) => target === 'apache')!.start(t, backend.port, true);
    const marked = foreign.replace(
      '\r\n\r\n',
      '\r\nAccept-Encoding: gzip\r\nUser-Agent: Mozilla/5.0\r\n\r\n',
    );
    // Apache logs after it has answered, each process by itself: the next request waits for the line.
    for (const [sent, bytes] of [own, foreign, marked].entries()) {
      await exchange(apache.port, bytes, { until: 1 });
      await eventually(async () => (await apache.accessLog!.lines()).length === sent + 1, 'it is logged');
    }
    assert.deepEqual(
      (await apache.accessLog!.lines()).map((line) => / (rule=\S+ counts=\S+)$/.exec(line)?.[1]),
      ['rule=- counts=-', 'rule=host-foreign counts=1', 'rule=host-foreign counts=-'],
    );
  });

  test('is the error message of Caddy', { skip: without('caddy') }, async (t) => {
    const dir = await tempDir(t, 'caddy');
    const file = join(dir, 'Caddyfile');
    const { port } = await onFreePort(t, async (port, owner) => {
      const site = `import sekisho\nrespond served\nhandle_errors {\nheader X-Rule {err.message}\nrespond refused\n}`;
      const options = `admin off\nauto_https off\nstorage file_system ${dir}\norder error first\norder abort first`;
      await writeFile(
        file,
        `{\n${options}\n}\n${partsOf('caddy').snippet}\nhttp://:${port} {\nbind 127.0.0.1\n${site}\n}\n`,
      );
      return startProcess(owner, requirePeer('caddy'), ['run', '--adapter', 'caddyfile', '--config', file], {
        env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
      });
    });
    const [refused] = (await exchange(port, foreign, { until: 1 })).responses;
    assert.deepEqual([refused?.status, refused?.headers.get('x-rule')], [421, ['host-foreign']]);
    assert.equal((await exchange(port, own, { until: 1 })).responses[0]?.status, 200);
  });
});
