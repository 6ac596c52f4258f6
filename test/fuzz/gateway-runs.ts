/** The long runs that need servers. */
import { setTimeout as delay } from 'node:timers/promises';
import { corpus } from '../corpus/corpus.ts';
import { compare, report } from '../differential/compare.ts';
import { explain } from '../differential/explained.ts';
import { startLanes } from '../differential/servers.ts';
import { checkSplit, cutsOf, splitRun } from '../splits/splits.ts';

/** Runs with servers that are stopped afterwards. */
async function owning(
  run: (owner: { after(stop: () => unknown): void }) => Promise<boolean>,
): Promise<boolean> {
  const stops: (() => unknown)[] = [];
  try {
    return await run({ after: (stop) => void stops.unshift(stop) });
  } finally {
    for (const stop of stops) await stop();
  }
}

/** @returns whether no fault was found */
export function fuzzDifferences(seed: number, count: number): Promise<boolean> {
  return owning(async (owner) => {
    const lanes = await startLanes(owner, 16);
    const start = performance.now();
    const totals = await compare(lanes, seed, count, explain);
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `differential: seed ${seed}, ${seconds.toFixed(0)} s (${Math.round(count / seconds)}/s)\n${report(totals)}`,
    );
    for (const { what, bytes, reaches } of totals.unexplained)
      console.log(`  ${what}: ${JSON.stringify(bytes)}\n    ${JSON.stringify(reaches)}`);
    const faults = lanes.flatMap((lane) => lane.faults);
    for (const fault of faults) console.log(`  sent to a backend: ${fault}`);
    return totals.unexplained.length === 0 && faults.length === 0;
  });
}

/** A port stays taken for a minute after its connection closed: a hundred thousand connections may have to wait for a free one. */
async function patiently<T>(send: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await send();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'EADDRINUSE' && code !== 'EADDRNOTAVAIL') || tries === 70) throw error;
      await delay(1000);
    }
  }
}

/** @returns whether no fault was found */
export function fuzzSplits(): Promise<boolean> {
  return owning(async (owner) => {
    const run = await splitRun(owner);
    const start = performance.now();
    const wrong: string[] = [];
    let splits = 0;
    for (const row of corpus) {
      const whole = await patiently(() => run.send(row));
      for (const cut of cutsOf(row)) {
        splits++;
        try {
          checkSplit(
            row,
            whole,
            await patiently(() => run.send(row, cut)),
            `${row.id}, cut before byte ${cut}`,
          );
        } catch (error) {
          wrong.push((error as Error).message);
        }
      }
    }
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `splits: ${corpus.length} requests, ${splits} cuts in ${seconds.toFixed(0)} s, ${wrong.length} wrong`,
    );
    for (const what of wrong) console.log(`  ${what}`);
    return wrong.length === 0;
  });
}
