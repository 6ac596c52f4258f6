/** The real gateway with HTTP/2 on an ephemeral port and one backend. */
import type { ProbeEvent } from '../../src/events/event.ts';
import { certificate } from '../support/certificate.ts';
import { runGateway } from '../support/gateway.ts';
import type { Owner } from '../support/owner.ts';

export interface Http2Gateway {
  readonly port: number;
  readonly events: readonly ProbeEvent[];
  /** Internal errors: a test must not leave any. */
  readonly errors: readonly string[];
  /** As on SIGTERM. */
  drain(): void;
}

export const host = 'www.example.net';

/** @param yaml further settings, each once */
export async function http2Gateway(owner: Owner, backend: string, yaml = ''): Promise<Http2Gateway> {
  const { cert, key } = await certificate(owner, [host]);
  const { port, events, log, gateway } = await runGateway(
    owner,
    `sites: [{ hosts: [${host}], backend: "${backend}", websocket: true, connections: { max: 256 } }]\nbans: false\nrateLimit: false\n${yaml}`,
    `listen: [{ address: "127.0.0.1:0", tls: { cert: ${cert}, key: ${key} } }]\n`,
  );
  return {
    port,
    events,
    get errors() {
      return log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50);
    },
    drain: () => void gateway.close(5000),
  };
}
