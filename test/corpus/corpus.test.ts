import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, METHODS } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { catalogue, type Rule, type RuleId, ruleIds } from '../../src/rules/catalogue.ts';
import { corpus } from './corpus.ts';
import type { CorpusRow } from './row.ts';

/** Rules that need HTTP/2, bans or limits, or are about mail: no single HTTP/1 request shows them. */
const notOnHttp1 =
  /^(client-banned|rate-limited|header-overflow|extended-connect|authority-mismatch|sni-foreign|smtp-(?!on-http).*)$/;

test('every id is a noun phrase in kebab-case, used once', () => {
  const ids = corpus.map((row) => row.id);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(
    ids.filter((id) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(id)),
    [],
  );
});

test('no two rows send the same bytes as the same client', () => {
  const seen = new Map<string, string>();
  for (const { id, bytes, client } of corpus) {
    const key = `${client ?? ''} ${bytes}`;
    assert.equal(seen.get(key), undefined, `${id} repeats ${seen.get(key)}`);
    seen.set(key, id);
  }
});

test('there are enough rows, and at least half of them are served', () => {
  const served = corpus.filter((row) => row.expect.verdict !== 'block');
  assert.ok(corpus.length >= 320, `${corpus.length} rows`);
  assert.ok(served.length * 2 >= corpus.length, `${served.length} of ${corpus.length} rows are served`);
});

test('every rule that one HTTP/1 request can show has two rows that name it', () => {
  const rows = new Map<RuleId, number>();
  for (const { expect } of corpus) if (expect.rule) rows.set(expect.rule, (rows.get(expect.rule) ?? 0) + 1);
  assert.deepEqual(
    ruleIds.filter((id) => !notOnHttp1.test(id) && (rows.get(id) ?? 0) < 2),
    [],
  );
});

test('each expectation agrees with the catalogue', () => {
  for (const { id, expect } of corpus) {
    if (expect.verdict === 'allow') {
      assert.equal(expect.rule, undefined, id);
      continue;
    }
    assert.ok(expect.rule, `${id}: names no rule`);
    const { action, doubtful }: Rule = catalogue[expect.rule];
    assert.ok(expect.verdict === action || expect.verdict === doubtful, id);
    if (expect.verdict !== 'block') continue;
    assert.equal(expect.answer, catalogue[expect.rule].answer, id);
    for (const further of expect.rules ?? []) {
      assert.ok(
        ruleIds.indexOf(expect.rule) < ruleIds.indexOf(further),
        `${id}: ${further} would name the verdict`,
      );
    }
  }
});

test('each character is a byte, and each reference says something', () => {
  for (const { id, bytes, reference } of corpus) {
    assert.equal(Buffer.from(bytes, 'latin1').toString('latin1'), bytes, id);
    assert.match(reference, /\w/, id);
  }
});

/** Names reserved for examples, and public names that are part of a known request. */
const names =
  /(^|\.)(169\.254\.169\.254\.nip\.io|example(\.(com|net|org))?|localhost|test|w3\.org)$|^(www\.(google|yahoo|bing|facebook|pingdom|uptimerobot|letsencrypt)\.(com|org)|tt-rss\.org|metadata\.google\.internal|check\.proxyradar\.com|httpheader\.net|httpbin\.org|api\.ipify\.org|ip-api\.com|wtfismyip\.com|ifconfig\.io|icanhazip\.com|checkip\.amazonaws\.com|schemas\.xmlsoap\.org|jabber\.org)$/;

/** Documentation, private, loopback and link-local ranges, and the metadata addresses of AWS, Azure and Alibaba. */
const addresses =
  /^(192\.0\.2|198\.51\.100|203\.0\.113|10\.\d+\.\d+|127\.\d+\.\d+|168\.63\.129|192\.168\.\d+|172\.(1[6-9]|2\d|3[01])\.\d+|169\.254\.169|100\.100\.100)\.\d+$/;

test('no row names a real person, host or address', () => {
  for (const { id, bytes } of corpus) {
    // A product version (Chrome/140.0.0.0) is no address.
    for (const [address] of bytes.matchAll(/(?<!\w\/)(?<![\w.])\d{1,3}(\.\d{1,3}){3}(?![\d.])/g)) {
      assert.match(address, addresses, id);
    }
    for (const [, host] of bytes.matchAll(
      /(?:https?:\/\/|@|%40)([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})(?![a-z0-9.%-])/gi,
    )) {
      assert.match(host!.toLowerCase(), names, id);
    }
    for (const [, host] of bytes.matchAll(
      /^(?:Host: |CONNECT )([a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,})(?::\d+)?(?: |\r)/gim,
    )) {
      assert.match(host!.toLowerCase(), names, id);
    }
  }
});

interface Heard {
  line: string;
  body: string;
}

/** What Node's own parser, at its strictest, reads from the bytes of a row on a separate connection. */
async function heard(row: CorpusRow): Promise<{ requests: Heard[]; error: string | null }> {
  const requests: Heard[] = [];
  let error: string | null = null;
  const note = (request: IncomingMessage): Heard => {
    const one = { line: `${request.method} ${request.url} HTTP/${request.httpVersion}`, body: '' };
    requests.push(one);
    return one;
  };
  const server = createServer(
    { insecureHTTPParser: false, requireHostHeader: false },
    async (request, response) => {
      const one = note(request);
      for await (const chunk of request.setEncoding('latin1')) one.body += chunk;
      response.end();
    },
  );
  server.on('upgrade', (request, socket) => {
    note(request);
    socket.destroy();
  });
  server.on('clientError', (fault: Error & { code?: string }, socket) => {
    error = fault.code ?? fault.message;
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.resume().on('error', () => {});
  socket.end(row.bytes, 'latin1');
  await once(socket, 'close');
  server.close();
  return { requests, error };
}

test('each forwarded request is one whole request to the strict parser of Node', async () => {
  for (const row of corpus) {
    if (row.expect.verdict === 'block') continue;
    const [method] = row.expect.backend.line.split(' ');
    // Node's parser knows about half of the registered methods.
    if (!METHODS.includes(method!)) continue;
    // It does not accept raw bytes beyond ASCII in a target.
    if (/[\x80-\xff]/.test(row.bytes.slice(0, row.bytes.indexOf('\r')))) continue;
    const { requests, error } = await heard(row);
    assert.equal(error, null, row.id);
    assert.equal(requests.length, 1, row.id);
    assert.equal(requests[0]!.line.split(' ')[0], method, row.id);
    if (row.expect.backend.body !== undefined)
      assert.equal(requests[0]!.body, row.expect.backend.body, row.id);
  }
});
