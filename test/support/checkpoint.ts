/** The whole checkpoint in this process, as `start` composes it: client plane, control plane, data plane. */
import { pino } from 'pino';
import type { OrderedCertificates } from '../../src/admin/gateway-metrics.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { StapleState } from '../../src/ocsp/staples.ts';
import { type ClientPlane, startClientPlane } from '../../src/program/bans-and-fleet.ts';
import { FileReports } from '../../src/program/certificate-files.ts';
import { type ControlPlane, startControlPlane } from '../../src/program/control-plane.ts';
import { startDataPlane } from '../../src/program/data-plane.ts';
import { StapleReports } from '../../src/program/stapling.ts';
import type { Owner } from './owner.ts';
import { exchange } from './raw-client.ts';

export const token = 'a-token-for-tests-0123456789';

export interface RunningCheckpoint {
  /** The HTTP listener. */
  readonly port: number;
  /** `http://127.0.0.1:PORT` of the admin listener. */
  readonly admin: string;
  readonly control: ControlPlane;
  readonly clients: ClientPlane;
  /** The log so far, as JSON lines. */
  readonly log: readonly string[];
  /** Asks the admin API with the token. */
  get(path: string): Promise<Response>;
  json<T>(path: string): Promise<T>;
  /** Sends raw bytes to the HTTP listener. @param from source address, to come as another client */
  probe(bytes: string, from?: string): Promise<string>;
  /** Waits until the journal has this many probes. */
  written(count: number): Promise<void>;
}

const sites = `
sites:
  - hosts: ["www.example.net:8080", example.net]
    backend: welcome
`;

/**
 * @param yaml the config besides `admin` and, where it has none, `listen` and `sites`
 * @param more of `admin`, as YAML
 * @param certificates ordered by ACME
 * @param staples of must-staple certificates
 * @param certificateFiles that can't be used: reasons by file
 */
export async function runCheckpoint(
  owner: Owner,
  yaml = '',
  more = '',
  certificates: OrderedCertificates | null = null,
  staples: readonly StapleState[] = [],
  certificateFiles: Readonly<Record<string, string>> = {},
): Promise<RunningCheckpoint> {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const text = `${/^listen:/m.test(yaml) ? '' : 'listen: ["127.0.0.1:0"]\n'}admin: { listen: "127.0.0.1:0", token: ${token}${more === '' ? '' : `, ${more}`} }\n${yaml.includes('sites:') ? '' : sites}${yaml}`;
  const config = parseConfig(text, '.');
  const clients = await startClientPlane(config, { log, journal: null });
  owner.after(() => clients.close());
  const control = await startControlPlane(config, {
    log,
    bans: clients.bans,
    counters: () => data.counters(),
    backends: () => data.backends(),
    certificates: () => certificates,
    staples: () => staples,
    certificateFiles: () => certificateFiles,
  });
  owner.after(() => control.close());
  clients.bans?.ledger.onChange((change, origin) => {
    if (change.kind !== 'lists' && origin !== 'journal') control.onBan(change.kind, change.ban);
  });
  const data = await startDataPlane(config, {
    log,
    bans: clients.bans?.ledger ?? null,
    windows: clients.windows,
    onEvent: (event) => {
      clients.onEvent(event);
      control.onEvent(event);
    },
    onBackend: control.onBackend,
    staples: new StapleReports(() => {}),
    files: new FileReports(() => {}),
  });
  owner.after(() => data.close(0));
  control.setReady(true);
  const port = Number(data.listeners[0]!.split(':').at(-1));
  const admin = control.listeners[0]!.replace('admin ', '');
  const get = (path: string) => fetch(`${admin}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const json = async <T>(path: string): Promise<T> => (await get(path)).json() as Promise<T>;
  return {
    port,
    admin,
    control,
    clients,
    log: lines,
    get,
    json,
    probe: async (bytes, from) =>
      (await exchange(port, bytes, { until: 1, ...(from === undefined ? {} : { from }) })).text,
    written: async (count) => {
      const deadline = Date.now() + 20_000;
      for (;;) {
        const { journal } = await json<{ journal: { written: number } }>('/api/status');
        if (journal.written >= count) return;
        if (Date.now() > deadline) throw new Error(`only ${journal.written} of ${count} events were written`);
      }
    },
  };
}

/** A request for a foreign page. */
export const foreign = (host = 'www.example.com', path = '/'): string =>
  `GET http://${host}${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
