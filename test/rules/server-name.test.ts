import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOwnName, wantedByName } from '../../src/rules/server-name.ts';
import { corpusPolicy } from '../support/policy.ts';

const { sites } = corpusPolicy().policy;

test('a server name is ours only if it is exactly a host of a site', () => {
  for (const name of ['www.example.net', 'WWW.EXAMPLE.NET', 'a.shop.example.net'])
    assert.equal(isOwnName(sites, name), true, name);
  for (const name of [
    'www.example.com',
    'me@www.example.net',
    '@www.example.net',
    'www.example.net/',
    '',
    'a b',
    '[::',
  ])
    assert.equal(isOwnName(sites, name), false, name);
});

test('a server name asks for port 443 of that host; a malformed one for no host', () => {
  assert.deepEqual(wantedByName('mail.example.com'), {
    host: 'mail.example.com',
    port: 443,
    path: '',
    text: 'mail.example.com:443',
  });
  assert.deepEqual(wantedByName('a b'), { host: '', port: 443, path: '', text: 'a b:443' });
});
