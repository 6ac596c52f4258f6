/** Judges mails submitted without a login. It depends on who owns the recipient's domain, which logs seldom say. */
import { specialRange } from '../address/special-ranges.ts';
import { siteOf } from './compared-answers.ts';
import { domainOf } from './mail-domain.ts';
import type { Judgement } from './outcome.ts';
import type { OwnNames } from './own-names.ts';
import type { Probe } from './probe.ts';
import type { Questions } from './questions.ts';

/** Most domains and clients remembered. */
const limit = 10_000;
/** A client in the own network that sends from this many unrelated domains is not one of our users. */
const unrelatedSenders = 3;

/**
 * The first address of a Docker bridge. With the userland proxy or hairpin NAT, all outside clients appear under this
 * address.
 */
export const isDockerGateway = (address: string): boolean =>
  /^172\.(?:1[6-9]|2\d|3[01])\.\d{1,3}\.1$/.test(address);

export class MailFacts {
  readonly #foreign = new Set<string>();
  readonly #senders = new Map<string, Set<string>>();
  readonly #asked: Questions;

  constructor(asked: Questions) {
    this.#asked = asked;
  }

  /** Collects the facts of a mail; call for all mails before the first `judge`. */
  add({ candidate, wanted }: Probe, own: OwnNames): void {
    const { mail, relay, client } = candidate.entry;
    if (relay?.result === 'refused') {
      if (mail!.foreign === true && wanted.host !== '' && this.#foreign.size < limit)
        this.#foreign.add(wanted.host);
      return;
    }
    if (!fromInside(client)) return;
    const sender = domainOf(mail!.sender ?? '');
    if (sender === '' || own.has(sender)) return;
    const known = this.#senders.get(client) ?? new Set();
    if (known.size === 0 && this.#senders.size < limit) this.#senders.set(client, known);
    if (known.size < unrelatedSenders) known.add(siteOf(sender));
  }

  /** Whether a mail comes from the own network without signs of abuse. */
  isOrdinary({ candidate }: Probe, own: OwnNames): boolean {
    const { mail, relay, client } = candidate.entry;
    if (relay?.result === 'refused' || !fromInside(client)) return false;
    const sender = domainOf(mail!.sender ?? '');
    if (sender === '' || own.has(sender)) return true;
    return !isDockerGateway(client) && !this.#hasUnrelatedSenders(client);
  }

  judge({ candidate, wanted }: Probe, own: OwnNames): Judgement {
    const { client, relay, mail, upstream } = candidate.entry;
    const { result, said } = relay!;
    if (result === 'refused')
      return { outcome: 'refused', confidence: 'high', why: `The log says so itself: ${said}.` };
    const relayed = result === 'relayed';
    const did = relayed
      ? `Relayed to ${upstream ?? 'another server'}`
      : 'Accepted for relaying, but not delivered yet';
    if (fromInside(client)) {
      const why = isDockerGateway(client)
        ? `${client} looks like the gateway of a Docker bridge, which hides the addresses of all outside clients`
        : `${client} is in your own network, but sends mail from ${unrelatedSenders} or more unrelated domains`;
      return { outcome: 'unclear', confidence: 'low', why: `${did} for ${mail!.sender}: ${why}.` };
    }
    const foreign = own.declared
      ? 'the domain is not yours'
      : this.#foreign.has(wanted.host)
        ? `at other times the server refused to relay to ${wanted.host}, so the domain is not its own`
        : null;
    if (foreign !== null) {
      return {
        outcome: relayed ? 'likely-relayed' : 'attempted',
        confidence: 'high',
        why: `${did} for a client that had not logged in: ${said}; ${foreign}.`,
      };
    }
    if (wanted.host !== '') this.#asked.add(wanted.host);
    return {
      outcome: 'unclear',
      confidence: 'low',
      why: `${did} for a client that had not logged in. Is ${wanted.host} yours, as with a mail filter or backup MX? Then give --host ${wanted.host}; otherwise this was relayed.`,
    };
  }

  #hasUnrelatedSenders(client: string): boolean {
    return (this.#senders.get(client)?.size ?? 0) >= unrelatedSenders;
  }
}

const fromInside = (client: string): boolean => {
  const range = specialRange(client);
  return range === 'private' || range === 'loopback';
};
