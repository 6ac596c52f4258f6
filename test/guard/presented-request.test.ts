/** The request as an application sees it: with the host and path of the verdict. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { presentTo } from '../../src/guard/presented-request.ts';
import type { Verdict } from '../../src/judge.ts';

/** What the application gets of a request with this target. */
function presented(
  target: string,
  verdict: { path: string; host?: string; strip?: readonly number[] },
  ...fields: string[]
) {
  const rawHeaders = ['Host', 'www.example.net:8080', ...fields];
  const headers: Record<string, string> = {};
  for (let i = 0; i < rawHeaders.length; i += 2) headers[rawHeaders[i]!.toLowerCase()] = rawHeaders[i + 1]!;
  const req = { url: target, headers, rawHeaders };
  presentTo(req as never, { method: 'GET', target, version: '1.1', rawHeaders: [...rawHeaders] }, {
    host: 'www.example.net',
    strip: [],
    ...verdict,
  } as unknown as Verdict);
  return req as typeof req & { originalUrl?: string };
}

suite('an application sees', () => {
  test('an ordinary request unchanged', () => {
    const req = presented('/a?b', { path: '/a?b' });
    assert.deepEqual(
      [req.url, 'originalUrl' in req, req.headers.host],
      ['/a?b', false, 'www.example.net:8080'],
    );
  });

  test('absolute-form as origin-form, with its authority as the Host', () => {
    const req = presented('http://www.example.net/a', { path: '/a' });
    assert.deepEqual(
      [req.url, req.originalUrl, req.headers.host],
      ['/a', 'http://www.example.net/a', 'www.example.net'],
    );
  });

  test('another path of an origin-form target with the Host that was sent', () => {
    const req = presented('/caf\xc3\xa9', { path: '/caf%C3%A9' });
    assert.deepEqual(
      [req.url, req.originalUrl, req.headers.host],
      ['/caf%C3%A9', '/caf\xc3\xa9', 'www.example.net:8080'],
    );
  });

  test('a target unchanged for which the verdict has no path', () => {
    const req = presented('*', { path: '' });
    assert.deepEqual([req.url, 'originalUrl' in req, req.headers.host], ['*', false, 'www.example.net:8080']);
  });

  test('no field that the verdict strips, however it is spelt; the raw fields stay', () => {
    const req = presented('/', { path: '/', strip: [2, 6] }, 'X-Host', 'a', 'X-Kept', 'b', 'FORWARDED', 'c');
    assert.deepEqual(req.headers, { host: 'www.example.net:8080', 'x-kept': 'b' });
    assert.equal(req.rawHeaders.length, 8);
  });
});
