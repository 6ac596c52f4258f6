/** What became of a mail that was handed in without a login. Whose domain it was for decides, and a log seldom says. */
import { specialRange } from '../address/special-ranges.ts';
import { siteOf } from './compared-answers.ts';
import { domainOf } from './mail-domain.ts';
import type { Judgement } from './outcome.ts';
import type { OwnNames } from './own-names.ts';
import type { Probe } from './probe.ts';
import type { Questions } from './questions.ts';

/** Domains and clients that are remembered. */
const limit = 10_000;
/** One client of the own network that writes in the name of so many others is no user of ours. */
const unrelatedSenders = 3;

/**
 * The first address of a bridge of Docker's. With the userland proxy, or with hairpin NAT, every client from outside
 * arrives under it.
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

  /** Looks at a mail before any is judged. */
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

  /** A mail of the own network that nothing speaks against. */
  isOrdinary({ candidate }: Probe, own: OwnNames): boolean {
    const { mail, relay, client } = candidate.entry;
    if (relay?.result === 'refused' || !fromInside(client)) return false;
    const sender = domainOf(mail!.sender ?? '');
    if (sender === '' || own.has(sender)) return true;
    return !isDockerGateway(client) && !this.#hides(client);
  }

  judge({ candidate, wanted }: Probe, own: OwnNames): Judgement {
    const { client, relay, mail, upstream } = candidate.entry;
    const { result, said } = relay!;
    if (result === 'refused')
      return { outcome: 'refused', confidence: 'high', why: `The log says so itself: ${said}.` };
    const relayed = result === 'relayed';
    const did = relayed
      ? `Sent on to ${upstream ?? 'another server'}`
      : 'Taken to be sent on, and not delivered yet';
    if (fromInside(client)) {
      const why = isDockerGateway(client)
        ? `${client} looks like the gateway of a Docker bridge, under which every client from outside arrives`
        : `${client} is in the own network, and writes in the name of ${unrelatedSenders} unrelated domains or more`;
      return { outcome: 'unclear', confidence: 'low', why: `${did} for ${mail!.sender}: ${why}.` };
    }
    const foreign = own.told
      ? 'a domain that is not yours'
      : this.#foreign.has(wanted.host)
        ? `and the server refused to relay to ${wanted.host} at other times, so it is not its own`
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
      why: `${did} for a client that had not logged in. Is ${wanted.host} yours, as behind a filter or a backup MX? --host ${wanted.host} says so; otherwise this was relayed.`,
    };
  }

  #hides(client: string): boolean {
    return (this.#senders.get(client)?.size ?? 0) >= unrelatedSenders;
  }
}

const fromInside = (client: string): boolean => {
  const range = specialRange(client);
  return range === 'private' || range === 'loopback';
};
