/**
 * Request smuggling over HTTP/1, end to end: each row is sent to lenient backends, each behind a site of its own. No reading of a
 * backend's bytes may contain a request that no client sent, and no client may get the answer to another request.
 */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { runGateway } from '../support/gateway.ts';
import { exchange } from '../support/raw-client.ts';
import { attack, sites } from './attack.ts';
import { bodyRows } from './body-rows.ts';
import { framingRows } from './framing-rows.ts';
import { looseBackend } from './loose-backend.ts';
import { readerNames } from './loose-reader.ts';
import { smuggled } from './row.ts';

const owner = { after };
const backends = await Promise.all(readerNames.map((reader) => looseBackend(owner, reader)));
const gateway = await runGateway(owner, sites(backends));

suite('request smuggling over HTTP/1', () => {
  const rows = [...framingRows, ...bodyRows];
  test('every row has an id of its own', () => {
    const ids = rows.map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id, i) => ids.indexOf(id) !== i),
      [],
    );
  });
  // Each row goes to a third of the backends, so three rows can be sent at a time. All readers read the bytes in any case.
  suite('rows', { concurrency: 3 }, () => {
    for (const third of [0, 1, 2])
      suite(`of every third, from ${third + 1}`, { concurrency: 1 }, () => {
        for (const [number, row] of rows.entries()) {
          if (number % 3 !== third) continue;
          test(`${row.id} (${row.reference})`, async () => {
            // Wait for all, so that bytes left over by one attack do not reach the next row.
            const attacks = backends.flatMap((backend, i) =>
              (number + i) % 3 === 0
                ? [attack(gateway.port, backend, i, row, Math.floor((number + i) / 3) % 2 === 1)]
                : [],
            );
            await Promise.allSettled(attacks);
            await Promise.all(attacks);
          });
        }
      });
  });
});

suite('the lenient backends, attacked without a gateway', () => {
  const desynchronised: [string, string][] = [
    ['any Transfer-Encoding with chunked in it', 'te-xchunked-then-cl'],
    ['only the exact spelling chunked', 'te-xchunked'],
    ['Content-Length before Transfer-Encoding', 'te-cl-request-in-a-chunk'],
    ['the leading digits of the last Content-Length', 'cl-twice-smaller-second'],
    ['a bare LF ends a line', 'request-in-a-value-behind-lf'],
    ['a bare CR ends a line', 'request-in-a-value-behind-cr'],
    ['a NUL ends a text', 'te-nul-behind-then-cl'],
    ['an underscore is a hyphen', 'te-underscore-then-cl'],
    ['no body on GET, HEAD, DELETE and OPTIONS', 'body-on-get'],
  ];
  for (const [reader, id] of desynchronised) {
    test(`${id} desynchronises: ${reader}`, async (t) => {
      const row = [...framingRows, ...bodyRows].find((one) => one.id === id)!;
      const backend = await looseBackend(t, reader);
      await exchange(backend.port, row.bytes, { until: 2, timeout: 2000 });
      const line = smuggled.split('\r\n')[0]!;
      await eventually(
        () => backend.take().get(reader)!.lines.includes(line),
        'it sees the smuggled request',
      );
    });
  }
});
