/** Alerts as the rest of the house sees them: events, bans and troubles in, messages out to every configured receiver. */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { AlertsConfig } from '../config/alerts-config.ts';
import type { FoldedEvent } from '../events/fold.ts';
import { noOrigin, type OriginOf } from '../geo/origin.ts';
import { type Ban, Digest } from './digest.ts';
import { mail } from './mail.ts';
import type { TroubleKind } from './message.ts';
import { type Channel, Outbox } from './outbox.ts';
import { service } from './services.ts';
import { syslog } from './syslog.ts';
import { webhook } from './webhook.ts';

export interface AlertsOptions {
  readonly log: Logger;
  /** Rules seen before, which are not news. */
  readonly known?: Iterable<string>;
  /** @default nothing is known */
  readonly originOf?: OriginOf;
}

/** Milliseconds that messages under way have when the program ends. */
const closeDeadline = 3000;

export class Alerts {
  readonly #digest: Digest;
  readonly #outboxes: readonly Outbox[];
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #lost = 0;

  constructor(config: AlertsConfig, { log, known = [], originOf = noOrigin }: AlertsOptions) {
    this.#outboxes = channels(config).map(
      (channel) =>
        new Outbox({
          channel,
          onLost: (message, reason) => {
            this.#lost++;
            log.error({ channel: channel.name, reason }, `an alert did not get through: ${message.title}`);
          },
        }),
    );
    this.#digest = new Digest({
      config,
      name: config.name === '' ? hostname() : config.name,
      known,
      originOf,
      emit: (message) => {
        this.#sent++;
        log.info({ event: 'alert', kind: message.kind }, message.title);
        for (const outbox of this.#outboxes) outbox.post(message);
      },
    });
    this.#timer = setInterval(() => this.#digest.tick(Date.now()), 1000).unref();
  }

  /** Messages made, and deliveries given up. */
  get status(): { readonly sent: number; readonly lost: number } {
    return { sent: this.#sent, lost: this.#lost };
  }

  /** Tells where the journal has a row that was added. */
  recorded(row: FoldedEvent, id: number): void {
    this.#digest.recorded(row, id);
  }

  add(rows: readonly FoldedEvent[]): void {
    this.#digest.add(rows, Date.now());
  }

  ban(ban: Ban): void {
    this.#digest.ban(ban, Date.now());
  }

  /** @param reason null: in order again */
  trouble(kind: TroubleKind, name: string, reason: string | null): void {
    this.#digest.trouble(kind, name, reason, Date.now());
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#digest.close(Date.now());
    await Promise.all(this.#outboxes.map((outbox) => outbox.close(closeDeadline)));
  }
}

/** One for each receiver of the config. */
export const channels = ({
  webhooks,
  mail: mailConfig,
  syslog: target,
  services,
}: AlertsConfig): Channel[] => [
  ...webhooks.map(webhook),
  ...services.map(service),
  ...(mailConfig === null ? [] : [mail(mailConfig)]),
  ...(target === null ? [] : [syslog(target)]),
];
