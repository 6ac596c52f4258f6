/** The listeners beside the gateway, one a process group: the mail guard, and decoys. */
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { hostPort } from './address/host-port.ts';
import type { Config } from './config/config.ts';
import { createDecoy, type Decoy } from './decoys/decoy.ts';
import type { EventSink } from './events/event.ts';
import { ProbeLog } from './events/probe-log.ts';
import { createSmtpGuard, type SmtpGuard, type SmtpGuardContext } from './smtp/guard.ts';

export interface SideDoors {
  /** `smtp 0.0.0.0:25`, `decoy socks 0.0.0.0:1080`, one a listener. */
  readonly listeners: readonly string[];
  /**
   * Makes ready for another config, which `commit` puts in force: for the mail guard all but its addresses.
   *
   * @throws Error where a file can't be read; everything is as before then
   */
  prepare(config: Config): { commit(): void; abort(): void };
  /** Stops accepting; messages under way may end until the deadline (milliseconds). */
  close(deadline: number): Promise<void>;
}

export interface SideDoorsOptions {
  readonly log: Logger;
  readonly onEvent: EventSink;
  readonly isBanned: (prefix: string) => boolean;
  readonly mail: MailSide;
}

/** What becomes of clients of the mail guard. They are counted apart, and nothing of it holds on HTTP. */
export type MailSide = Required<Pick<SmtpGuardContext, 'isBanned' | 'onOffence' | 'onDelivered'>>;

/** @throws Error where one can't listen; none is left listening then */
export async function openSideDoors(
  { smtp, decoys }: Config,
  { log, onEvent, isBanned, mail }: SideDoorsOptions,
): Promise<SideDoors> {
  const probes = new ProbeLog(log);
  const context = {
    log,
    isBanned,
    onEvent: ((event) => {
      probes.add(event);
      onEvent(event);
    }) satisfies EventSink,
  };
  const guard: SmtpGuard | null = smtp === false ? null : createSmtpGuard(smtp, { ...context, ...mail });
  const open: Decoy[] = [];
  const listeners: string[] = [];
  const close = async (deadline: number): Promise<void> => {
    await Promise.all([guard?.close(deadline), ...open.map((decoy) => decoy.close())]);
    probes.flush();
  };
  try {
    for (const address of (await guard?.listen()) ?? []) listeners.push(`smtp ${addressText(address)}`);
    for (const options of decoys) {
      const decoy = createDecoy(options, context);
      const address = await decoy.listen();
      open.push(decoy);
      listeners.push(`decoy ${options.speaks} ${addressText(address)}`);
    }
  } catch (error) {
    await close(0);
    throw error;
  }
  const prepare: SideDoors['prepare'] = (next) =>
    guard === null || next.smtp === false ? nothing : guard.prepare(next.smtp);
  return { listeners, prepare, close };
}

const nothing = { commit: () => {}, abort: () => {} };

const addressText = ({ address, port }: AddressInfo): string => hostPort(address, port);
