/** Finds bytes that Sekisho and a web server read as different requests. */
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { own, randomRequest, seeded } from './grammar.ts';
import { type Lane, type Reaches, serverNames } from './servers.ts';

export interface Disagreement {
  readonly bytes: string;
  readonly what: string;
  readonly reaches: Reaches;
}

/** The reason for a disagreement; null: unexplained. */
export type Explain = (disagreement: Disagreement) => string | null;

export interface Totals {
  requests: number;
  /** Requests that reached the backend through Sekisho, nginx, Apache. */
  sekisho: number;
  nginx: number;
  apache: number;
  /** Requests that nginx and Apache read differently and Sekisho refused. */
  ambiguous: number;
  /** Reason → how often. */
  readonly explained: Map<string, number>;
  readonly unexplained: Disagreement[];
}

/** How the servers disagree; null: they do not. */
export function disagreement({ sekisho, nginx, apache }: Reaches): string | null {
  if (sekisho.length === 0) return null;
  for (const [name, theirs] of [
    ['nginx', nginx],
    ['Apache', apache],
  ] as const) {
    if (theirs.length > 0 && !isDeepStrictEqual(sekisho, theirs)) return `${name} reads another request`;
  }
  if (nginx.length === 0 && apache.length === 0) return 'both others refuse it';
  return null;
}

/** Sends `count` requests, spread over the lanes. */
export async function compare(
  lanes: readonly Lane[],
  seed: number,
  count: number,
  explain: Explain,
): Promise<Totals> {
  const random = seeded(seed);
  const totals: Totals = {
    requests: 0,
    sekisho: 0,
    nginx: 0,
    apache: 0,
    ambiguous: 0,
    explained: new Map(),
    unexplained: [],
  };
  let left = count;
  await Promise.all(
    lanes.map(async (lane) => {
      for (let sent = 0; left-- > 0; sent++) {
        if (sent % 200 === 0) await checkAlive(lane);
        const bytes = randomRequest(random);
        let reaches = await lane.send(bytes, 150);
        let found = unexplained(bytes, reaches, explain);
        // The server may only have been slow: retry with longer timeouts, once the first answer must be over.
        for (const patience of [1000, 4000]) {
          if (found === null) break;
          await delay(patience);
          reaches = await lane.send(bytes, patience);
          found = unexplained(bytes, reaches, explain);
        }
        tally(totals, reaches);
        if (found !== null) totals.unexplained.push(found);
        const what = disagreement(reaches);
        if (what === null || found !== null) continue;
        const reason = explain({ bytes, what, reaches })!;
        totals.explained.set(reason, (totals.explained.get(reason) ?? 0) + 1);
      }
    }),
  );
  return totals;
}

function unexplained(bytes: string, reaches: Reaches, explain: Explain): Disagreement | null {
  const what = disagreement(reaches);
  return what === null || explain({ bytes, what, reaches }) !== null ? null : { bytes, what, reaches };
}

/** A dead server would count as one that refuses everything. */
async function checkAlive(lane: Lane): Promise<void> {
  const bytes = `GET /alive HTTP/1.1\r\nHost: ${own}\r\nConnection: close\r\n\r\n`;
  const reaches = await lane.send(bytes, 10_000);
  const silent = serverNames.filter((name) => reaches[name].length === 0);
  if (silent.length > 0) throw new Error(`an ordinary request does not pass ${silent.join(', ')}`);
}

function tally(totals: Totals, { sekisho, nginx, apache }: Reaches): void {
  totals.requests++;
  if (sekisho.length > 0) totals.sekisho++;
  if (nginx.length > 0) totals.nginx++;
  if (apache.length > 0) totals.apache++;
  if (sekisho.length === 0 && nginx.length > 0 && apache.length > 0 && !isDeepStrictEqual(nginx, apache)) {
    totals.ambiguous++;
  }
}

/** The totals as text. */
export function report({
  requests,
  sekisho,
  nginx,
  apache,
  ambiguous,
  explained,
  unexplained,
}: Totals): string {
  return [
    `${requests} requests; ${sekisho} reached the backend through Sekisho, ${nginx} through nginx, ${apache} through Apache`,
    `${ambiguous} that nginx and Apache read differently were refused`,
    ...[...explained].map(([reason, times]) => `${times} disagreements explained: ${reason}`),
    `${unexplained.length} unexplained`,
  ].join('\n');
}
