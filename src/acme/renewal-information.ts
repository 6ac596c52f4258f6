/** When the authority suggests renewing a certificate (ARI, RFC 9773). */
import type { X509Certificate } from 'node:crypto';
import { type AcmeClient, AcmeError, type Answer, asObject, retryAfter } from './client.ts';
import { renewalName } from './der.ts';

const minute = 60_000;
const hour = 60 * minute;
/** The polling interval if the answer has no Retry-After, and after an error (section 4.3.3). */
const usualWait = 6 * hour;
/** Bounds of the Retry-After (section 4.3.2): less would be a busy loop, more could miss a revocation. */
const [leastWait, mostWait] = [minute, 24 * hour];

interface Known {
  /** Serial number of the certificate. */
  readonly serial: string;
  /** When to poll again. */
  readonly again: number;
  /** The time picked from the suggested window; null: none is suggested. */
  readonly at: number | null;
}

export class RenewalInformation {
  readonly #known = new Map<string, Known>();

  /** The suggested renewal time of a certificate; null: there is none. */
  of(host: string, { serialNumber }: X509Certificate): number | null {
    const known = this.#known.get(host);
    return known?.serial === serialNumber ? known.at : null;
  }

  /** Polls if it is time to. An authority without renewal information, or an invalid answer, changes nothing. Never throws. */
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
 * A random time in the suggested window, which spreads the renewals of many machines (section 4.2). Picked once.
 *
 * @param end when the certificate expires: a later time would be too late
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
