/** A pool in front of a raw backend, and exchanges that record their calls. */
import type { EventEmitter } from 'node:events';
import type { PoolBounds, Waiter } from '../../src/forward/bounded-pool.ts';
import { Pool } from '../../src/forward/pool.ts';
import type { UpstreamConnection } from '../../src/forward/upstream-connection.ts';
import type { ResponseSink, UpstreamTimeouts } from '../../src/forward/upstream-exchange.ts';
import { eventually } from '../support/eventually.ts';
import type { Owner } from '../support/owner.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';

export const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const answering = ({ socket }: BackendConnection): unknown =>
  socket.on('data', () => socket.write(ok));

/** Records the calls of an exchange. */
export class Recorder implements Waiter, ResponseSink {
  readonly client: EventEmitter | null;
  readonly seen: string[] = [];
  connection: UpstreamConnection | null = null;
  /** Called with the head. */
  onHead: (head: unknown, whole: string | null) => void = (_head, whole) => this.seen.push(`answer ${whole}`);

  constructor(client: EventEmitter | null = null) {
    this.client = client;
  }

  onConnection(connection: UpstreamConnection): void {
    this.connection = connection;
    this.seen.push('connection');
  }

  onFailure({ status }: { status: number }): void {
    this.seen.push(`failure ${status}`);
  }

  ask(path = '/'): void {
    const head = `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    this.connection!.send(
      { method: 'GET', framing: 'none', head, body: null, trailers: [], ended: true, upgrade: false },
      this,
    );
  }

  onReady(): void {}
  onUpgrade(): void {}
  onInformation(): void {}
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
}

export async function pool(
  t: Owner,
  serve: (connection: BackendConnection, number: number) => unknown = answering,
  bounds: Partial<PoolBounds & UpstreamTimeouts> = {},
) {
  const backend = await rawBackend(t, serve);
  const made = new Pool(
    { kind: 'tcp', host: '127.0.0.1', port: backend.port },
    {
      connect: 2000,
      headers: 2000,
      body: 2000,
      maxConnections: 2,
      maxQueue: 1,
      queueTimeout: 2000,
      idle: 60_000,
      ...bounds,
    },
  );
  t.after(() => made.close());
  const take = (client: EventEmitter | null = null): Recorder => {
    const recorder = new Recorder(client);
    made.take(recorder);
    return recorder;
  };
  /** Takes one, asks, and waits for the answer. */
  const served = async (client: EventEmitter | null = null): Promise<Recorder> => {
    const recorder = take(client);
    recorder.ask();
    await eventually(() => recorder.seen.includes('answer ok'), 'it is answered');
    return recorder;
  };
  return { pool: made, backend, take, served };
}
