import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineForPeople } from '../src/log-lines.ts';

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

test('a probe is one line without terminal escapes', () => {
  const line = logLine(JSON.stringify(entry)).replace(/\x1b\[\d+m/g, '');
  assert.match(
    line,
    /^[\d:]{8} {2}blocked {6}192\.0\.2\.7\?\[2J {2,}connect {2}CONNECT \?\]0;evil\? HTTP\/1\.1\?forged line {2}\(web\) dropped\n$/,
  );
});

test('a refused host is in its line', () => {
  const refused = {
    ...entry,
    rule: 'host-foreign',
    request: 'GET /cart HTTP/1.1',
    destination: 'shop.example.org',
  };
  assert.match(logLine(JSON.stringify(refused)), /Host: shop\.example\.org {2}GET \/cart HTTP\/1\.1/);
});

test('a probe of which nothing was read has neither request nor intent, and a TLS hello its name', () => {
  const fields = (more: object): string =>
    logLine(JSON.stringify({ ...entry, client: '192.0.2.7', request: '', destination: null, ...more }))
      .replace(/\x1b\[\d+m/g, '')
      .slice(8);
  assert.equal(
    fields({ event: 'banned', rule: 'client-banned', answer: 403 }),
    '  blocked      192.0.2.7        client-banned  403\n',
  );
  assert.equal(
    fields({ action: 'flag', rule: 'sni-foreign', answer: null, destination: 'evil.example.org:443' }),
    '  flagged      192.0.2.7        sni-foreign  evil.example.org:443  (web)\n',
  );
});

test('bans, reloads, backends and other named events use the columns of probes', () => {
  const plain = (event: object): string =>
    logLine(JSON.stringify({ level: 30, time: '2026-01-31T12:00:00.000Z', ...event })).replace(
      /\x1b\[\d+m/g,
      '',
    );
  const line = (event: object): string => {
    const [, rest] = /^[\d:]{8} {2}([\s\S]*)\n$/.exec(plain(event))!;
    return rest!;
  };
  assert.equal(
    line({ event: 'ban', prefix: '198.51.100.7/32', msg: 'banned 198.51.100.7/32 for ever: probes (admin)' }),
    'banned       198.51.100.7/32 for ever: probes (admin)',
  );
  assert.equal(
    line({ event: 'reload', msg: 'the config was reloaded' }),
    'reload       the config was reloaded',
  );
  assert.equal(
    line({ event: 'reload', err: 'line 1, a: x\nline 2, b: y', msg: 'the config was not reloaded' }),
    'reload       the config was not reloaded\n    line 1, a: x\n    line 2, b: y',
  );
  assert.equal(
    line({ event: 'backend', level: 40, msg: 'backend 127.0.0.1:8081 is ejected: connection refused' }),
    'backend      127.0.0.1:8081 is ejected: connection refused',
  );
  assert.equal(
    line({ event: 'smtp', msg: 'smtp: reloaded the certificates' }),
    'smtp         reloaded the certificates',
  );
  assert.equal(
    line({ event: 'mail', msg: 'mail <jörg\x1b[2J@example.net> to <b@example.net>' }),
    'mail         <jörg?[2J@example.net> to <b@example.net>',
  );
});
