/** Matches lines of error logs with requests in the access log of the same server. */
import type { Baseline } from './baseline.ts';
import type { Candidate } from './candidate.ts';
import type { Judgement } from './outcome.ts';
import { hostOf } from './own-names.ts';
import type { Probe } from './probe.ts';
import { requestWords } from './request-text.ts';
import { urlParts } from './url-names.ts';

/** Most notes remembered. */
const limit = 50_000;
/** Apache logs a request's arrival, nginx its end, and the error may be up to a timeout away from either. Milliseconds. */
const reach = 65_000;
/** Error logs write local time without a zone, and zones differ by quarters of an hour. */
const quarter = 15 * 60_000;
/** More than the difference between any two zones, in milliseconds. */
const farthest = 27 * 3_600_000;

interface Note {
  readonly time: number;
  readonly result: 'relayed' | 'failed';
  readonly said: string;
  readonly upstream: string | null;
}

export class ErrorNotes {
  readonly #notes = new Map<string, Note[]>();
  #count = 0;

  /** Lines that prove something. */
  get count(): number {
    return this.#count;
  }

  add({ entry }: Candidate): void {
    const { relay, time, client, request, upstream } = entry;
    if (relay === null || time === null || this.#count >= limit) return;
    const host = wantedHost(request);
    if (host === null) return;
    this.#count++;
    const key = `${client} ${host}`;
    const notes = this.#notes.get(key);
    const note: Note = {
      time,
      result: relay.result === 'relayed' ? 'relayed' : 'failed',
      said: relay.said,
      upstream,
    };
    if (notes === undefined) this.#notes.set(key, [note]);
    else notes.push(note);
  }

  /**
   * Corrects a judgement that the access log leaves open, or that rests on a server error. An upstream that also
   * serves ordinary requests proves nothing.
   */
  corrected(probe: Probe, judgement: Judgement, { upstreams }: Baseline): Judgement {
    const { entry } = probe.candidate;
    const { outcome } = judgement;
    const open =
      outcome === 'unclear' ||
      outcome === 'attempted' ||
      (outcome === 'refused' && (entry.status ?? 0) >= 500);
    if (!open || this.#count === 0 || entry.time === null) return judgement;
    const found = [entry.client, '']
      .flatMap((client) => this.#notes.get(`${client} ${probe.wanted.host}`) ?? [])
      .filter(
        ({ time, upstream }) => near(time, entry.time!) && !(upstream !== null && upstreams.has(upstream)),
      )
      .sort((a, b) => Number(b.result === 'relayed') - Number(a.result === 'relayed'))[0];
    if (found === undefined) return judgement;
    return {
      outcome: found.result === 'relayed' ? 'likely-relayed' : 'attempted',
      confidence: 'high',
      why: `The error log says so: ${found.said.slice(0, 300)}.`,
    };
  }
}

function near(a: number, b: number): boolean {
  const apart = Math.abs(a - b);
  const within = apart % quarter;
  return apart <= farthest && Math.min(within, quarter - within) <= reach;
}

/** The host in a request, in any form. */
function wantedHost(request: string): string | null {
  const target = requestWords(request)?.target ?? '';
  return urlParts(target)?.host ?? hostOf(target);
}
