/** The program with a replaceable config, and a receiver of its alerts. */
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { root } from './gateway-process.ts';
import { startProcess } from './process.ts';
import { exchange } from './raw-client.ts';
import { eventually } from './redis.ts';
import { tempDir } from './temp-dir.ts';

export const token = 'a-token-for-tests-0123456789';
export const probe =
  'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n';

export interface Settings {
  readonly host?: string;
  /** YAML after the site. */
  readonly rest: string;
}

/** The program, with a way to replace its config. */
export async function startReloadable(t: TestContext, first: Settings) {
  const folder = await tempDir(t, 'reload');
  const file = join(folder, 'sekisho.yaml');
  const write = ({ host = 'www.example.net', rest }: Settings): Promise<void> =>
    writeFile(file, `listen: ["127.0.0.1:0"]\nsites: [{ hosts: [${host}], backend: welcome }]\n${rest}\n`);
  await write(first);
  const child = await startProcess(t, process.execPath, ['src/cli.ts', 'start', '--config', file], {
    cwd: root,
  });
  const [, port] = await child.waitForLine(/^listening http 127\.0\.0\.1:(\d+)$/, 30_000);
  let reloads = 0;
  /** @returns the program's log line about it */
  const reload = async (next: Settings | string): Promise<string> => {
    await (typeof next === 'string' ? writeFile(file, next) : write(next));
    child.signal('SIGHUP');
    const said = await eventually(
      () =>
        child
          .stderr()
          .split('\n')
          .filter((line) => /the config was (?:not )?reloaded/.test(line))[reloads],
      'the reload is logged',
      30_000,
    );
    reloads++;
    return said;
  };
  const status = async (bytes: string, from = '127.0.0.1'): Promise<number | undefined> =>
    (await exchange(Number(port), bytes, { from })).responses[0]?.status;
  return { folder, child, reload, status };
}

/** An HTTP server that records the titles of alerts. */
export async function receiver(t: TestContext): Promise<{ url: string; titles: string[] }> {
  const titles: string[] = [];
  const server = createServer((req, res) => {
    let text = '';
    req.on('data', (part: Buffer) => {
      text += part.toString();
    });
    req.on('end', () => {
      titles.push((JSON.parse(text) as { title: string }).title);
      res.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, titles };
}
