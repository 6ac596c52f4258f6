/** `policy.methods`: which methods pass, for all sites or for one. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { judge, type Verdict } from '../../src/judge.ts';
import { httpMethods } from '../../src/wire/methods.ts';
import { compiled } from '../support/policy.ts';

const { policy } = compiled(`
sites:
  - { hosts: [www.example.net], backend: welcome }
  - { hosts: [static.example.net], backend: welcome, policy: { methods: [GET, HEAD] } }
policy: { methods: [registered, FROB] }
`);

const asked = (method: string, host: string, ...more: string[]): Verdict =>
  judge({ method, target: '/', version: '1.1', rawHeaders: ['Host', host, ...more] }, policy);

suite('policy.methods', () => {
  test('a method of the list passes, and with `registered` all registered ones', () => {
    assert.equal(asked('FROB', 'www.example.net').action, 'allow');
    for (const method of httpMethods)
      if (method !== 'CONNECT' && method !== 'TRACE')
        assert.equal(asked(method, 'www.example.net').action, 'allow', method);
    assert.equal(asked('FOO', 'www.example.net').rule, 'method-unknown');
  });

  test('the list of a site replaces the global one', () => {
    assert.equal(asked('GET', 'static.example.net').action, 'allow');
    for (const method of ['POST', 'OPTIONS', 'FROB', 'FOO']) {
      const { rule, answer } = asked(method, 'static.example.net');
      assert.deepEqual([rule, answer], ['method-unknown', 501], method);
    }
  });

  test('an excluded registered method does not count; an unregistered one does', () => {
    assert.equal(asked('PROPFIND', 'static.example.net').signals[0]!.counts, false);
    assert.equal(asked('FOO', 'static.example.net').signals[0]!.counts, true);
    assert.equal(asked('FOO', 'static.example.net', 'Sec-Fetch-Mode', 'cors').signals[0]!.counts, false);
  });

  test('CONNECT and TRACE are refused by rules of their own', () => {
    assert.equal(asked('CONNECT', 'static.example.net').rule, 'connect');
    assert.equal(asked('TRACE', 'static.example.net').rule, 'trace');
  });
});
