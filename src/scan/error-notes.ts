/** What error logs say of requests: laid beside what the access log of the same server says. */
import type { Baseline } from './baseline.ts';
import type { Candidate } from './candidate.ts';
import type { Judgement } from './outcome.ts';
import { hostOf } from './own-names.ts';
import type { Probe } from './probe.ts';
import { requestWords } from './request-text.ts';
import { urlParts } from './url-names.ts';

/** Notes that are remembered. */
const limit = 50_000;
/** A request is logged when it came (Apache) or when it ended (nginx), its error up to a time-out later or before. */
const reach = 65_000;
/** Error logs write local time without its zone, and zones are quarters of an hour. */
const quarter = 15 * 60_000;
/** Further apart than any two zones, in milliseconds. */
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

  /** How many lines were proof of something. */
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
   * The judgement as the error log corrects it: where the access log alone does not tell, or tells of a server error.
   * An upstream of ordinary requests proves nothing.
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

/** The host that a request names, whatever its form. */
function wantedHost(request: string): string | null {
  const target = requestWords(request)?.target ?? '';
  return urlParts(target)?.host ?? hostOf(target);
}
