/** Gateway, journal and alerts in this process, for the benches of the journal. */
import { pino } from 'pino';
import { parseConfig } from '../src/config/load.ts';
import { startControlPlane } from '../src/control-plane.ts';
import { startDataPlane } from '../src/data-plane.ts';

export interface Ground {
  readonly port: number;
  readonly written: () => Promise<number>;
  readonly close: () => Promise<void>;
}

/** @param webhook whom alerts are told to; with it there is an admin listener too */
export async function ground(path: string | null, webhook: string | null = null): Promise<Ground> {
  const config = parseConfig(
    `listen: ["127.0.0.1:0"]
sites: [{ hosts: ["www.example.net:8080"], backend: welcome }]
rateLimit: false
bans: false
admin: ${webhook !== null ? '{ listen: "127.0.0.1:0", token: a-token-for-benches }' : 'false'}
alerts: ${webhook === null ? 'false' : `{ webhook: "${webhook}" }`}
journal: ${path === null ? 'false' : `{ path: ${path} }`}
`,
    '.',
  );
  const log = pino({ level: 'silent' });
  const control = await startControlPlane(config, { log, counters: () => [] });
  const data = await startDataPlane(config, {
    log,
    bans: null,
    onEvent: control.onEvent,
    onBackend: () => {},
  });
  const api = control.listeners[0]?.replace('admin ', '');
  return {
    port: Number(data.listeners[0]!.split(':').at(-1)),
    written: async () => {
      const response = await fetch(`${api}/api/status`, {
        headers: { authorization: 'Bearer a-token-for-benches' },
      });
      return ((await response.json()) as { journal: { written: number } }).journal.written;
    },
    close: async () => {
      await data.close(0);
      await control.close();
    },
  };
}
