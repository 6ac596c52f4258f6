/** When an authority would like a certificate to be renewed (RFC 9773). */
import type { X509Certificate } from 'node:crypto';
import { type AcmeClient, AcmeError, type Answer, asObject, retryAfter } from './client.ts';
import { renewalName } from './der.ts';

const minute = 60_000;
const hour = 60 * minute;
/** Milliseconds until it is asked for again where the answer says nothing, and after an error (section 4.3.3). */
const usualWait = 6 * hour;
/** What an answer may ask for (section 4.3.2): less would be a loop, more would miss an early end. */
const [leastWait, mostWait] = [minute, 24 * hour];

interface Known {
  /** Of which certificate. */
  readonly serial: string;
  /** When it is asked for again. */
  readonly again: number;
  /** The moment in the window that was picked; null: none is suggested. */
  readonly at: number | null;
}

export class RenewalInformation {
  readonly #known = new Map<string, Known>();

  /** The moment that came of the last answer; null: there is none. */
  of(host: string, { serialNumber }: X509Certificate): number | null {
    const known = this.#known.get(host);
    return known?.serial === serialNumber ? known.at : null;
  }

  /** Asks where it is time to. An authority that gives none, or nonsense, changes nothing. Never throws. */
  async ask(host: string, x509: X509Certificate, client: AcmeClient, now: number): Promise<void> {
    const before = this.#known.get(host);
    const known = before?.serial === x509.serialNumber ? before : undefined;
    if (known !== undefined && now < known.again) return;
    let [at, wait]: [number | null, number] = [known?.at ?? null, usualWait];
    try {
      const { renewalInfo } = await client.directory();
      const name = renewalName(x509.raw);
      if (renewalInfo !== undefined && name !== null) {
        const answer = await client.get(`${renewalInfo.replace(/\/$/, '')}/${name}`);
        at = momentIn(answer, known?.at ?? null, x509.validToDate.getTime());
        wait = retryAfter(answer.headers['retry-after'], now) ?? usualWait;
      }
    } catch (error) {
      if (error instanceof AcmeError) wait = error.retryAfter ?? usualWait;
    }
    wait = Math.min(Math.max(wait, leastWait), mostWait);
    this.#known.set(host, { serial: x509.serialNumber, again: now + wait, at });
  }
}

/**
 * A moment in the suggested window, picked once: renewals of many machines are spread over it (section 4.2).
 *
 * @param end of the certificate: a window beyond it would let it end
 */
function momentIn(answer: Answer, before: number | null, end: number): number | null {
  const { suggestedWindow } = asObject(answer);
  const { start, end: last } = (suggestedWindow ?? {}) as Record<string, unknown>;
  const [from, to] = [Date.parse(String(start)), Date.parse(String(last))];
  if (!(to > from) || from >= end) return null;
  const until = Math.min(to, end);
  return before !== null && before >= from && before <= until
    ? before
    : from + Math.random() * (until - from);
}
