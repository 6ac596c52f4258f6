import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';

/** Polls until a condition holds, where no event announces it. @throws AssertionError after the time (milliseconds) */
export async function eventually(
  holds: () => boolean | Promise<boolean>,
  what: string,
  time = 20_000,
): Promise<void> {
  const end = Date.now() + time;
  while (!(await holds())) {
    if (Date.now() > end) assert.fail(`did not come about in ${time} ms: ${what}`);
    await delay(10);
  }
}
