import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { ServerCheckpoint } from '../../src/guard/server-checkpoint.ts';
import { corpusPolicy } from '../support/policy.ts';

test('detaching a checkpoint keeps an emit that another library has wrapped around it', () => {
  const { policy, clients } = corpusPolicy();
  const server = createServer();
  const onError = (error: unknown): never => assert.fail(String(error));
  const own = server.emit;
  const attach = (): (() => void) =>
    new ServerCheckpoint({ policy, clients, onEvent: () => {}, onError }).attach(server);
  const detach = attach();
  const wrapped = server.emit;
  const outer: typeof server.emit = (event: string, ...args: unknown[]) => wrapped(event as never, ...args);
  server.emit = outer;
  detach();
  assert.equal(server.emit, outer);
  assert.notEqual(server.emit, own);
  attach();
  assert.throws(attach, { code: 'SEKISHO_ERR_GUARDED_ALREADY' }, 'attached again, and only once');
});
