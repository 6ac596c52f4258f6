/** Requests that a web page can make a browser send: they never count towards a ban. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasBrowserMarks } from '../../src/rules/browser-marks.ts';

const encoding = ['Accept-Encoding', 'gzip'];
const language = ['Accept-Language', 'ja'];
const browser = ['User-Agent', 'Mozilla/5.0'];

test('a browser is known by its fetch metadata, or by its encodings with its name or language', () => {
  for (const fields of [
    ['Sec-Fetch-Site', 'none'],
    ['sec-fetch-mode', 'cors', 'x', 'y'],
    [...encoding, ...language],
    [...browser, ...encoding],
    ['Host', 'a', ...encoding, 'DNT', '1', ...browser],
  ])
    assert.equal(hasBrowserMarks(fields), true, fields.join());
});

test('encodings alone, a name alone and other programs are no browser', () => {
  for (const fields of [
    [],
    encoding,
    language,
    browser,
    [...browser, ...language],
    [...encoding, 'User-Agent', 'curl/8.0'],
    [...encoding, 'User-Agent', 'x Mozilla/5.0'],
  ])
    assert.equal(hasBrowserMarks(fields), false, fields.join());
});
