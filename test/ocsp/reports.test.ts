/** What the processes of a gateway know about OCSP responses, put together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StapleState } from '../../src/ocsp/staples.ts';
import { StapleReports } from '../../src/program/stapling.ts';

const good: StapleState = {
  host: 'www.example.net',
  serial: '01',
  key: 'ec',
  fetched: 1000,
  until: 9000,
  trouble: null,
  urgent: false,
};
const asking = { ...good, fetched: null, until: null };
const failing = { ...good, until: 3000, trouble: 'it answered 503', urgent: true };
const [one, two, restarted] = [{}, {}, {}];

function reports() {
  const told: string[] = [];
  return { told, reports: new StapleReports((name, reason) => told.push(`${name} ${reason}`)) };
}

test('a trouble is reported once, and resolved only when no process has it any more', () => {
  const { told, reports: all } = reports();
  all.take(one, [failing]);
  all.take(two, [failing]);
  all.take(one, [failing]);
  assert.deepEqual(told, ['www.example.net it answered 503']);
  all.take(one, [good]);
  assert.equal(told.length, 1);
  all.take(two, [good]);
  all.take(two, [good]);
  assert.deepEqual(told.slice(1), ['www.example.net null']);
});

test('a failure that is not urgent is no trouble yet', () => {
  const { told, reports: all } = reports();
  all.take(one, [{ ...failing, urgent: false }]);
  assert.deepEqual(told, []);
});

test('the trouble of a worker that has ended is resolved by the response of the next one, and not before', () => {
  const { told, reports: all } = reports();
  all.take(one, [failing]);
  all.forget(one);
  all.take(restarted, [asking]);
  assert.equal(told.length, 1);
  all.take(restarted, [good]);
  assert.deepEqual(told.slice(1), ['www.example.net null']);
});

test('the trouble of a certificate that is not used any more is resolved', () => {
  const { told, reports: all } = reports();
  all.take(one, [failing]);
  all.take(one, []);
  assert.deepEqual(told.slice(1), ['www.example.net null']);
});

test('of each certificate the worst that a process knows is shown', () => {
  const { reports: all } = reports();
  const rsa = { ...good, serial: '02', key: 'rsa' };
  all.take(one, [good, rsa]);
  all.take(two, [
    { ...good, until: 8000 },
    { ...rsa, fetched: null, until: null },
  ]);
  assert.deepEqual(all.states, [
    { ...good, until: 8000 },
    { ...rsa, fetched: null, until: null },
  ]);
  all.take(one, [failing, rsa]);
  assert.deepEqual(all.states[0], failing);
  all.forget(one);
  all.forget(two);
  assert.deepEqual(all.states, []);
});
