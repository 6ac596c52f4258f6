/** The corpus at the other listeners: a TLS one, and a plain one that redirects to it. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { corpus } from '../corpus/corpus.ts';
import type { CorpusRow } from '../corpus/row.ts';
import { certificate } from '../support/certificate.ts';
import { freePort } from '../support/free-port.ts';
import { allowedAddress, corpusConfig, runGateway, trustedAddress } from '../support/gateway.ts';
import { exchange, type RawReply } from '../support/raw-client.ts';
import { recordingBackend } from '../support/recording-backend.ts';

const owner = { after };
const own = 'www.example.net';
const { cert, key } = await certificate(owner, [own]);
const backend = await recordingBackend(owner, {
  answer: ({ headerLines }) =>
    headerLines.some((line) => /^upgrade: websocket$/i.test(line))
      ? 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
      : 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
});
const https = await freePort();
const gateway = await runGateway(
  owner,
  corpusConfig(backend.url),
  `listen: [{ address: "127.0.0.1:0", redirect: https }, { address: "127.0.0.1:${https}", tls: { cert: "${cert}", key: "${key}" } }]\n`,
);
const from = { trusted: trustedAddress, 'allow-listed': allowedAddress } as const;
/** What the rows that are served have for a name; of \`*.shop.example.net\` any. */
const ours =
  /^https:\/\/(?:(?:www|gate|static|xn--bcher-kva)\.example\.net|example\.net|[\w.-]+\.shop\.example\.net|192\.0\.2\.80|\[2001:db8::80\]):\d+\//;

/** @returns what is wrong, a line a row */
async function through(port: number, secure: boolean, wrong: (row: CorpusRow, reply: RawReply) => boolean) {
  const left = [...corpus];
  const found: string[] = [];
  const lane = async (): Promise<void> => {
    for (let row = left.pop(); row !== undefined; row = left.pop()) {
      const reply = await exchange(port, row.bytes, {
        until: row.expect.verdict === 'block' ? 'close' : 1,
        timeout: 4000,
        ...sender(row, secure),
      });
      if (wrong(row, reply)) found.push(`${row.id}: ${reply.ended} ${reply.text.slice(0, 120)}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, lane));
  return found;
}

function sender({ client }: CorpusRow, secure: boolean): Parameters<typeof exchange>[2] {
  return {
    ...(client === undefined ? {} : { from: from[client] }),
    ...(secure ? { tls: { servername: own, ALPNProtocols: ['http/1.1'] } } : {}),
  };
}

const status = ({ responses }: RawReply): number | undefined =>
  responses.find((response) => response.status !== 100)?.status;

/** Refused as the row says, without a redirect. */
const refusedWrongly = ({ expect }: CorpusRow, reply: RawReply): boolean => {
  if (expect.verdict !== 'block') return false;
  if (reply.ended === 'timeout' || /^location:/im.test(reply.text)) return true;
  return expect.answer === 'drop' ? reply.text !== '' : status(reply) !== expect.answer;
};

suite('the corpus at redirecting and TLS listeners', () => {
  test('a listener that redirects to https refuses every probe and redirects only to our own names', async () => {
    const found = await through(gateway.port, false, (row, reply) => {
      // Answered after its head and closed: the body is not read.
      const inBody = /^framing-chunk-/.test(row.id) && status(reply) === 308 && reply.ended === 'closed';
      if (row.expect.verdict === 'block' && !inBody) return refusedWrongly(row, reply);
      // An ACME challenge goes to the backend, which renews its certificate.
      if (row.id === 'certificate-challenge') return status(reply) !== 200;
      const to = reply.responses.find((response) => response.status !== 100)?.headers.get('location');
      return ![301, 308].includes(status(reply) ?? 0) || !ours.test(to?.join() ?? '');
    });
    assert.deepEqual(found, []);
    assert.deepEqual(
      backend.requests.map(({ requestLine }) => /^GET \/\.well-known\/acme-challenge\//.test(requestLine)),
      [true],
      'nothing else of it reaches a backend',
    );
  });

  test('plain HTTP at a TLS listener: probes are refused as usual, and allowed requests are told to use https', async () => {
    const before = backend.requests.length;
    const found = await through(https, false, (row, reply) => {
      // TLS or unknown bytes go to the TLS handshake and get no further.
      if (row.expect.verdict === 'block' && ['tls-on-plaintext', 'not-http'].includes(row.expect.rule))
        if (!/^HTTP\//.test(reply.text)) return reply.ended === 'timeout' && row.expect.rule === 'not-http';
      const inBody = /^framing-chunk-/.test(row.id) && status(reply) === 400 && reply.ended === 'closed';
      if (row.expect.verdict === 'block' && !inBody) return refusedWrongly(row, reply);
      return (
        status(reply) !== 400 || (!inBody && !/https:\/\//.test(reply.text) && !row.bytes.startsWith('HEAD'))
      );
    });
    assert.deepEqual(found, []);
    assert.equal(backend.requests.length, before, 'nothing of it reaches a backend');
  });

  test('a TLS listener judges each row as a plain one does', async () => {
    const found = await through(https, true, (row, reply) =>
      row.expect.verdict === 'block' ? refusedWrongly(row, reply) : ![200, 101].includes(status(reply) ?? 0),
    );
    assert.deepEqual(found, []);
    const lines = new Set(backend.requests.map(({ requestLine }) => requestLine));
    const expected = new Set(
      corpus.flatMap(({ expect }) => (expect.verdict === 'block' ? [] : [expect.backend.line])),
    );
    assert.deepEqual([...lines].sort(), [...expected].sort());
  });
});
