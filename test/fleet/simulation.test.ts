/** Three hundred gateways join, are partitioned and rejoin. `npm run -s bench -- fleet` measures the times. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateFleet } from '../support/fleet-simulation.ts';

test('three hundred gateways join, continue alone, and rejoin over an empty store that one of them fills', {
  timeout: 600_000,
}, async (t) => {
  const [gateways, bans] = [300, 400];
  const { offered, ...figures } = await simulateFleet(t, { gateways, bans });
  t.diagnostic(
    Object.entries(figures)
      .map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`)
      .join(', '),
  );
  const needed = bans + gateways + 1;
  assert.ok(offered >= needed, `${offered} of ${needed}`);
  assert.ok(offered < needed * 2, `${offered} records were offered where ${needed} were missing`);
});
