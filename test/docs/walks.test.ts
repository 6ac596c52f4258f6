/**
 * The walks in docs/architecture.md are true: a real request of each kind goes through the real program, and V8 counts which
 * functions run more often than in a program that starts and ends without a request.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { architecture } from '../../docs/generate/rooms.ts';
import { walks } from '../../docs/generate/walks.ts';
import { Dialogue } from '../smtp/dialogue.ts';
import { mailSink } from '../smtp/support.ts';
import { certificate } from '../support/certificate.ts';
import { http2Request, http2Session } from '../support/http2-client.ts';
import type { Owner } from '../support/owner.ts';
import { startProcess } from '../support/process.ts';
import { exchange } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';
import { root } from './markdown.ts';

interface Ports {
  readonly http: number;
  readonly https: number;
  readonly smtp: number;
}

/** What V8 writes as a process ends that has NODE_V8_COVERAGE. */
interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}

/** How often each function was called, by its file and name. */
type Calls = ReadonlyMap<string, number>;

/** The request that each walk is about, by its heading. */
const requests: Readonly<Record<string, (ports: Ports, owner: Owner) => Promise<void>>> = {
  'The walk of an HTTP/1 request': async ({ http }) => {
    const { responses } = await exchange(http, 'GET /index.html HTTP/1.1\r\nHost: www.example.net\r\n\r\n', {
      until: 1,
    });
    assert.equal(responses[0]?.status, 200);
  },
  'The walk of a refused request': async ({ http }) => {
    const { responses } = await exchange(http, 'GET http://www.example.com/index.html HTTP/1.0\r\n\r\n');
    assert.equal(responses[0]?.status, 421);
  },
  'The walk of an HTTP/2 request': async ({ https }, owner) => {
    const session = await http2Session(owner, `https://127.0.0.1:${https}`);
    const { status } = await http2Request(session, {
      ':path': '/index.html',
      ':authority': 'www.example.net',
    });
    assert.equal(status, 200);
    session.close();
  },
  'The walk of a mail': async ({ smtp }, owner) => {
    const client = await Dialogue.greeted(owner, smtp);
    await client.say('MAIL FROM:<stranger@example.org>');
    await client.say('RCPT TO:<user@example.net>');
    await client.say('DATA');
    assert.match((await client.say('Subject: a walk\r\n\r\nHello\r\n.')).text, /^250/);
    await client.say('QUIT');
  },
};

/** Starts the program, has something sent to it, ends it, and counts. */
async function callsDuring(
  owner: Owner,
  send: (ports: Ports, owner: Owner) => Promise<void>,
): Promise<Calls> {
  const folder = await tempDir(owner, 'walks');
  const backend = await recordingBackend(owner);
  const sink = await mailSink(owner);
  const { cert, key } = await certificate(owner, ['www.example.net'], folder);
  const config = join(folder, 'sekisho.yaml');
  await writeFile(
    config,
    `listen:
  - 127.0.0.1:0
  - { address: "127.0.0.1:0", tls: { cert: "${cert}", key: "${key}" } }
sites: [{ hosts: ["www.example.net:*"], backend: "${backend.url}" }]
smtp: { listen: "127.0.0.1:0", backend: "127.0.0.1:${sink.port}", domains: [example.net] }
admin: false
`,
  );
  const program = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
    env: { NODE_V8_COVERAGE: join(folder, 'coverage'), NODE_COMPILE_CACHE: undefined },
  });
  const port = async (name: string): Promise<number> =>
    Number((await program.waitForLine(new RegExp(`^listening ${name} \\S*:(\\d+)$`), 30_000))[1]);
  const ports = { http: await port('http'), https: await port('https'), smtp: await port('smtp') };
  await send(ports, owner);
  assert.deepEqual(await program.stop(20_000), { code: 0, signal: null });
  return callsIn(join(folder, 'coverage'));
}

async function callsIn(folder: string): Promise<Calls> {
  const calls = new Map<string, number>();
  for (const file of await readdir(folder)) {
    const { result } = JSON.parse(await readFile(join(folder, file), 'utf8')) as Coverage;
    for (const { url, functions } of result)
      for (const { functionName, ranges } of functions) {
        const name = `${url} ${functionName}`;
        calls.set(name, (calls.get(name) ?? 0) + ranges[0]!.count);
      }
  }
  return calls;
}

suite('the walks in docs/architecture.md', () => {
  const idle = Promise.withResolvers<Calls>();

  test('a program without requests starts and ends', async (t) => {
    try {
      idle.resolve(await callsDuring(t, async () => {}));
    } catch (error) {
      idle.resolve(new Map());
      throw error;
    }
  });

  for (const { title, steps } of walks(architecture)) {
    test(`${title}: the request calls every function named`, async (t) => {
      const before = await idle.promise;
      const calls = await callsDuring(t, requests[title]!);
      const missed = steps.filter(({ file, name }) => {
        const key = `${pathToFileURL(join(root, file)).href} ${name}`;
        return (calls.get(key) ?? 0) <= (before.get(key) ?? 0);
      });
      assert.deepEqual(
        missed.map(({ file, name }) => `${file} ${name}()`),
        [],
      );
    });
  }

  test('a function that a request does not call is noticed', async () => {
    const key = `${pathToFileURL(join(root, 'src/http2/server.ts')).href} take`;
    assert.equal((await idle.promise).get(key), 0);
  });
});
