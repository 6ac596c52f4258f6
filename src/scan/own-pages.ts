/** Decides by its size whether an answer is one of the server's own pages. */
import type { Baseline } from './baseline.ts';
import type { Confidence } from './finding.ts';
import { pathHash } from './page-sizes.ts';

export interface OwnPage {
  readonly confidence: Confidence;
  /** Half a sentence after `200 with 2890 bytes is`. */
  readonly why: string;
}

/** Bytes by which one page varies if the log counts headers (Apache's `%O`): a cookie or a date. */
const headerTolerance = 64;
/** Bytes by which one page varies if the log counts bodies: a token or a clock in the page. */
const bodyTolerance = 12;
/** Front pages stay the same for days, not for months. */
const nearDays = 3;
const farDays = 45;

/**
 * @param path in origin form; `/` for CONNECT, which servers without tunnels answer with their front page
 * @param seconds since the epoch
 */
export function ownPage(baseline: Baseline, path: string, size: number, seconds: number): OwnPage | null {
  const tolerance = baseline.statuses.countsHeaders ? headerTolerance : bodyTolerance;
  const isFront = path === '/' || path.startsWith('/?');
  if (!isFront) {
    const same = baseline.pages.of(pathHash(path)).find((own) => Math.abs(own.size - size) <= tolerance);
    if (same !== undefined) {
      return {
        confidence: 'high',
        why: `the size of your own page at this path (${same.size} bytes)`,
      };
    }
  }
  const near = baseline.front.near(size, seconds, nearDays, tolerance)[0];
  if (near !== undefined) {
    const exact = near.size === size;
    const times = near.count === 1 ? 'once' : `${near.count} times`;
    return {
      confidence: exact ? 'high' : 'medium',
      why: exact
        ? `the size of your own front page, seen ${times} around then`
        : `within ${Math.abs(near.size - size)} bytes of your own front page (${near.size} bytes around then)`,
    };
  }
  const far = baseline.front.near(size, seconds, farDays, isFront ? tolerance : 0)[0];
  if (far !== undefined) {
    return {
      confidence: 'medium',
      why: `the size of your own front page (${far.size} bytes) some days apart`,
    };
  }
  if (baseline.fallback.has(size)) {
    return { confidence: 'medium', why: 'the size of the page that you serve for many paths' };
  }
  return isFront ? changingFront(baseline, size, seconds) : null;
}

/** A dynamic front page has many sizes: an answer between them is likely another one. */
function changingFront(baseline: Baseline, size: number, seconds: number): OwnPage | null {
  const around = baseline.front.near(size, seconds, nearDays, Math.max(256, Math.round(size * 0.05)));
  const distinct = new Set(around.map((one) => one.size));
  const below = [...distinct].some((own) => own < size);
  const above = [...distinct].some((own) => own > size);
  return distinct.size >= 3 && below && above
    ? {
        confidence: 'low',
        why: `between the sizes of your own front page, which changed ${distinct.size} times around then`,
      }
    : null;
}
