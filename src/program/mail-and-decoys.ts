/** The listeners besides HTTP: the mail guard and the decoys. They run in the primary process. */
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

export interface MailAndDecoys {
  /** `smtp 0.0.0.0:25`, `decoy socks 0.0.0.0:1080`, one per listener. */
  readonly listeners: readonly string[];
  /** The state of the mail guard; null: there is none. */
  readonly mail: MailState | null;
  /**
   * Prepares for another config, which `commit` applies to the mail guard, except for its addresses.
   *
   * @throws Error if a file can't be read; nothing has changed then
   */
  prepare(config: Config): { commit(): void; abort(): void };
  /** Stops accepting; messages in transfer may finish until the deadline (milliseconds). */
  close(deadline: number): Promise<void>;
}

export interface MailAndDecoysOptions {
  readonly log: Logger;
  readonly onEvent: EventSink;
  readonly mail: MailSide;
}

export interface MailState extends MailCounts {
  /** Sessions open now. */
  readonly sessions: number;
}

/** Bans and offences at the mail guard. They are counted separately and do not affect HTTP. */
export type MailSide = Required<Pick<SmtpGuardContext, 'isBanned' | 'onOffence' | 'onDelivered' | 'onRise'>>;

/** @throws Error if one can't listen; none is left listening then */
export async function openMailAndDecoys(
  config: Config,
  { log, onEvent, mail }: MailAndDecoysOptions,
): Promise<MailAndDecoys> {
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
  const prepare: MailAndDecoys['prepare'] = (next) =>
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
