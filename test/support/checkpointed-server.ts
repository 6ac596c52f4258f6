/** A Node HTTP server behind the checkpoint, without the plugins around it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ProbeEvent } from '../../src/events/event.ts';
import type { CheckpointOptions } from '../../src/guard/checkpoint-options.ts';
import { ServerCheckpoint } from '../../src/guard/server-checkpoint.ts';
import type { Owner } from './owner.ts';
import { corpusPolicy } from './policy.ts';

export interface CheckpointedServer {
  readonly server: Server;
  readonly checkpoint: ServerCheckpoint;
  readonly port: number;
  readonly events: readonly ProbeEvent[];
  detach(): void;
}

const { policy, clients } = corpusPolicy();

/** @param options of the checkpoint; without `onError`, an error inside a check fails the test */
export async function checkpointedServer(
  owner: Owner,
  serve: RequestListener = (_, res) => void res.end('served'),
  options: Partial<CheckpointOptions> = {},
): Promise<CheckpointedServer> {
  const events: ProbeEvent[] = [];
  const server = createServer(serve);
  const checkpoint = new ServerCheckpoint({
    ...{ policy, clients },
    onEvent: (event) => events.push(event),
    onError: (error) => assert.fail(String(error)),
    ...options,
  });
  const { detach } = checkpoint.attach(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  owner.after(() => server.close());
  return { server, checkpoint, port: (server.address() as AddressInfo).port, events, detach };
}
