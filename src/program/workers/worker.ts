/** A worker process: handles requests, and leaves journal, bans, alerts and admin server to the primary. */
import { BanMirror } from '../../bans/ban-mirror.ts';
import type { Config } from '../../config/config.ts';
import { Counters } from '../../events/counters.ts';
import type { ProbeEvent } from '../../events/event.ts';
import type { RateShare } from '../../limit/rate-table.ts';
import { WindowClock } from '../../limit/window-clock.ts';
import { fileFaults } from '../../listener/file-faults.ts';
import { dropPrivileges, resolveAccount } from '../../listener/privileges.ts';
import { openLog } from '../../log.ts';
import { staples } from '../../ocsp/staples.ts';
import { type Gateway, startGateway } from '../gateway.ts';
import { logStapling } from '../stapling.ts';
import { backendStates } from './backend-states.ts';
import { unpackBans } from './ban-batch.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** Milliseconds between two reports to the primary. */
const round = 50;
/** Reports between two that include the counters. */
const statsEvery = 10;

let ahead = 0;
const bans = new BanMirror({ clock: () => Date.now() + ahead });
const windows = new WindowClock();
const counters = new Counters();
let gateway: Gateway | null = null;
let events: ProbeEvent[] = [];
let shares = new Map<string, RateShare>();
let timer: NodeJS.Timeout | undefined;
let rounds = 0;
let reopenLog = (): void => {};

const send = (message: FromWorker): void => {
  if (process.connected) process.send!(message);
};

// Ctrl-C reaches the whole process group, but only the primary decides when a worker ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// `systemctl kill` and `kill -USR2 -GROUP` reach workers too.
process.on('SIGUSR2', () => reopenLog());
// Without its primary, a worker's bans and config would never change again.
process.on('disconnect', () => process.exit());

process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'start':
      void start(message.config);
      return;
    case 'bans':
      unpackBans(message.bans, (key, ban) => bans.put(key, ban));
      return;
    case 'lists':
      bans.apply(message);
      return;
    case 'clock':
      ahead = message.ahead;
      windows.origin = message.windows;
      return;
    case 'reload':
      gateway?.reload(message.config);
      return;
    case 'reopen-log':
      reopenLog();
      return;
    case 'rates':
      for (const [key, total] of message.totals) {
        shares.get(key)?.settle(total);
        shares.delete(key);
      }
      return;
    case 'close':
      void close(message.deadline);
  }
});

async function start(config: Config): Promise<void> {
  try {
    const { log, reopen } = await openLog(config.log);
    reopenLog = reopen;
    logStapling(log, () => {});
    gateway = await startGateway(config, {
      log,
      counters,
      windows,
      isBanned: (prefix) => bans.isBanned(prefix),
      onEvent: (event) => events.push(event),
      onBackend: (name, healthy, why) => send({ kind: 'backend', name, healthy, why }),
    });
    // No effect in a worker started after the primary dropped root.
    dropPrivileges(resolveAccount(config));
  } catch (error) {
    send({ kind: 'failed', message: (error as Error).message });
    return;
  }
  timer = setInterval(report, round);
  send({ kind: 'ready', listeners: gateway.listeners });
}

function report(): void {
  if (events.length > 0) send({ kind: 'events', events });
  events = [];
  const counted = gateway!.rateTables.flatMap((table) => table.shares());
  // Counts whose reply is still missing are not kept: the primary has them, and its next reply includes them.
  shares = new Map(counted.map((share) => [share.key, share]));
  if (counted.length > 0)
    send({ kind: 'rates', counts: counted.map(({ key, by, ttl }) => ({ key, by, ttl })) });
  if (rounds++ % statsEvery === 0) stats();
}

function stats(): void {
  send({
    kind: 'stats',
    counters: counters.snapshot(),
    backends: backendStates(gateway!.backends),
    staples: staples.states,
    files: fileFaults.all,
  });
}

async function close(deadline: number): Promise<void> {
  await gateway?.close(deadline);
  clearInterval(timer);
  if (gateway !== null) {
    report();
    stats();
  }
  process.disconnect?.();
}
