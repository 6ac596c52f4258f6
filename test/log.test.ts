import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineForPeople } from '../src/log.ts';

const logLine = await lineForPeople();

const entry = {
  time: '2026-01-31T12:00:00.000Z',
  event: 'probe',
  action: 'block',
  client: '192.0.2.7\x1b[2J',
  rule: 'connect',
  request: 'CONNECT \x1b]0;evil\x07 HTTP/1.1\nforged line',
  answer: 'drop',
  intent: 'web',
};

test('a probe is one line, and nothing in it commands the terminal', () => {
  const line = logLine(JSON.stringify(entry)).replace(/\x1b\[\d+m/g, '');
  assert.match(
    line,
    /^[\d:]{8} {2}turned away {2}192\.0\.2\.7\?\[2J {2,}connect {2}CONNECT \?\]0;evil\? HTTP\/1\.1\?forged line {2}\(web\) dropped\n$/,
  );
});

test('a refused host stands in its line', () => {
  const refused = {
    ...entry,
    rule: 'host-foreign',
    request: 'GET /cart HTTP/1.1',
    destination: 'shop.example.org',
  };
  assert.match(logLine(JSON.stringify(refused)), /Host: shop\.example\.org {2}GET \/cart HTTP\/1\.1/);
});
