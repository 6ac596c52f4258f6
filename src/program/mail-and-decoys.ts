/** The listeners beside the gateway, one a process group: the mail guard, and decoys. */
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { hostPort } from '../address/host-port.ts';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/config.ts';
import type { Decoy } from '../decoys/decoy.ts';
import type { EventSink } from '../events/event.ts';
import { ProbeLog } from '../events/probe-log.ts';
import type { MailCounts } from '../smtp/accepted-mail.ts';
import type { SmtpGuard, SmtpGuardContext } from '../smtp/guard.ts';
import type { SmtpOptions } from '../smtp/options.ts';

export interface SideDoors {
  /** `smtp 0.0.0.0:25`, `decoy socks 0.0.0.0:1080`, one a listener. */
  readonly listeners: readonly string[];
  /** How the mail guard is; null: there is none. */
  readonly mail: MailState | null;
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
  readonly mail: MailSide;
}

export interface MailState extends MailCounts {
  /** Open at the moment. */
  readonly sessions: number;
}

/** What becomes of clients of the mail guard. They are counted apart, and nothing of it holds on HTTP. */
export type MailSide = Required<Pick<SmtpGuardContext, 'isBanned' | 'onOffence' | 'onDelivered' | 'onRise'>>;

/** @throws Error where one can't listen; none is left listening then */
export async function openSideDoors(
  config: Config,
  { log, onEvent, mail }: SideDoorsOptions,
): Promise<SideDoors> {
  const { smtp, decoys } = config;
  const probes = new ProbeLog(log);
  const context = {
    log,
    onEvent: ((event) => {
      probes.add(event);
      onEvent(event);
    }) satisfies EventSink,
  };
  const guard: SmtpGuard | null =
    smtp === false
      ? null
      : (await import('../smtp/guard.ts')).createSmtpGuard(mailOptions(config, smtp), {
          ...context,
          ...mail,
        });
  const open: Decoy[] = [];
  const listeners: string[] = [];
  const close = async (deadline: number): Promise<void> => {
    await Promise.all([guard?.close(deadline), ...open.map((decoy) => decoy.close())]);
    probes.flush();
  };
  try {
    for (const address of (await guard?.listen()) ?? []) listeners.push(`smtp ${addressText(address)}`);
    for (const options of decoys) {
      const { createDecoy } = await import('../decoys/decoy.ts');
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
    guard === null || next.smtp === false ? nothing : guard.prepare(mailOptions(next, next.smtp));
  return {
    listeners,
    get mail() {
      return guard === null ? null : { ...guard.counts, sessions: guard.sessions };
    },
    prepare,
    close,
  };
}

const mailOptions = (config: Config, smtp: SmtpOptions): SmtpOptions => ({
  ...smtp,
  ownSender: compile(config).policy.rules['smtp-own-sender'].action,
});

const nothing = { commit: () => {}, abort: () => {} };

const addressText = ({ address, port }: AddressInfo): string => hostPort(address, port);
