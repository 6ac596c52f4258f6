/** Sends one row to one lenient backend, then the request of another client. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { parseResponses } from '../support/http-response.ts';
import { exchange } from '../support/raw-client.ts';
import { answersHeader, type LooseBackend } from './loose-backend.ts';
import type { SmugglingRow } from './row.ts';

const label = (number: number): string => `site${String(number).padStart(2, '0')}`;

/** The config: a site for each of the backends. */
export const sites = (backends: readonly LooseBackend[]): string => `
sites:
${backends.map(({ url }, i) => `  - { hosts: [${label(i)}.example.net], backend: "${url}", websocket: false }`).join('\n')}
bans: false
rateLimit: false
`;

/** An ordinary request; the row follows it on the same connection. */
const warmUp = 'GET /warm';

/**
 * @param number of the backend among `sites`
 * @param warm send an ordinary request on the connection first
 */
export async function attack(
  port: number,
  backend: LooseBackend,
  number: number,
  row: SmugglingRow,
  warm: boolean,
): Promise<void> {
  const site = label(number);
  const ways = outcomes(row);
  const before = warm ? [warmUp] : [];
  const methods = [...before, ...row.reaches, row.orAlso ?? 'GET'].map((line) => line.split(' ')[0]!);
  const most = Math.max(...ways.map(({ reaches, refused }) => (refused ? 0 : reaches.length)), 0);
  const client = connect({ port, host: '127.0.0.1', noDelay: true });
  const pieces: Buffer[] = [];
  const parse = (closed: boolean) => parseResponses(Buffer.concat(pieces), { methods, closed });
  const signal = AbortSignal.timeout(10_000);
  let over = false;
  client.on('error', () => {});
  const settled = new Promise<void>((done) => {
    const look = (): void => {
      const served = parse(over).responses.filter(({ status }) => status === 200);
      if (over || (most > 0 && served.length >= most + before.length)) done();
    };
    const finish = (): void => {
      over = true;
      look();
    };
    client.on('data', (bytes: Buffer) => {
      pieces.push(bytes);
      look();
    });
    client.on('end', finish).on('close', finish);
    signal.addEventListener('abort', () => done());
  });
  try {
    await once(client, 'connect', { signal });
    if (warm) {
      client.write(`${warmUp} HTTP/1.1\r\nHost: ${site}.example.net\r\n\r\n`);
      while (parse(false).responses.length === 0) await once(client, 'data', { signal });
    }
    client.write(row.bytes.replaceAll('siteNN', site), 'latin1');
    // No event announces that nothing more will come.
    await (row.unfinished === true ? Promise.race([settled, delay(300)]) : settled);
    const victim = await exchange(port, `GET /victim HTTP/1.1\r\nHost: ${site}.example.net\r\n\r\n`, {
      until: 1,
    });
    assert.equal(
      victim.responses[0]?.headers.get(answersHeader)?.[0],
      'GET /victim HTTP/1.1',
      'the next client',
    );

    const readings = backend.take();
    const seen = paths(readings.get('strict')!.lines);
    const way = ways.find(({ reaches }) =>
      isDeepStrictEqual(seen, [...before, ...reaches, 'GET /victim'].sort()),
    );
    assert.ok(way !== undefined, `reached the backend: ${seen.join(', ')}`);
    for (const [reading, { lines, unread }] of readings) {
      assert.deepEqual(paths(lines), seen, `as read by: ${reading}`);
      if (row.unfinished !== true) assert.equal(unread, '', `left over by: ${reading}`);
    }
    const { responses, rest } = parse(over);
    const final = responses.filter(({ status }) => status >= 200);
    const served = final.filter(({ status }) => status === 200);
    const text = Buffer.concat(pieces).toString('latin1');
    assert.deepEqual(
      served.map(({ headers }) => headers.get(answersHeader)?.[0]),
      [...before, ...way.reaches].map((line) => `${line} HTTP/1.1`),
      text,
    );
    assert.equal(rest.length, 0, text);
    const refusals = final.slice(served.length);
    assert.ok(refusals.length <= (way.refused ? 1 : 0), `more answers than requests: ${text}`);
    // 501: the bytes after the body begin like an unregistered method.
    for (const { status } of refusals) assert.ok((status >= 400 && status < 500) || status === 501, text);
    if (way.refused && row.unfinished !== true) assert.ok(over, 'the connection is closed');
  } finally {
    client.destroy();
  }
}

interface Outcome {
  readonly reaches: readonly string[];
  readonly refused: boolean;
}

/** Every allowed outcome of a row. */
function outcomes({ reaches, refused, orLess, orAlso }: SmugglingRow): Outcome[] {
  const less =
    orLess === true ? reaches.map((_, i) => ({ reaches: reaches.slice(0, i), refused: true })) : [];
  const also = orAlso === undefined ? [] : [{ reaches: [...reaches, orAlso], refused: false }];
  return [{ reaches, refused }, ...less, ...also];
}

const paths = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/ HTTP\/1\.1$/, '')).sort();
