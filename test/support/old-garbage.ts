/** Measures whether members that have left a collection are promoted to V8's old generation: that garbage stays until the next full collection. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('globalThis.gc') as (options: { type: 'minor' }) => void;

export interface Churned {
  readonly id: number;
  place: number;
}

const oldSpace = (): number =>
  getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')?.space_used_size ?? 0;

/** @returns by how many bytes the old generation grows while 50,000 members of 350 bytes join and leave, ten at a time */
export function oldGarbage(join: (member: Churned) => void, leave: (member: Churned) => void): number {
  const members: Churned[] = [];
  const churn = (from: number, to: number): void => {
    for (let id = from; id < to; id++) {
      const member = { id, place: -1, more: new Array(40).fill(id) };
      members.push(member);
      join(member);
      if (members.length > 10) leave(members.shift()!);
    }
  };
  churn(0, 1000);
  // What survives two collections is old.
  for (let i = 0; i < 3; i++) collect({ type: 'minor' });
  const before = oldSpace();
  churn(1000, 51_000);
  return oldSpace() - before;
}
