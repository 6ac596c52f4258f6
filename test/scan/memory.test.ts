import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanMemory } from '../../bench/scan-memory.ts';

const skip = process.platform === 'linux' ? false : 'reads /proc';

test('memory does not grow with the log: half a gigabyte of ever new clients, paths and targets', {
  skip,
}, async () => {
  const { earlyMebibytes, peakMebibytes, findings } = await scanMemory(500e6);
  assert.ok(findings > 200);
  assert.ok(peakMebibytes - earlyMebibytes < 64, `${earlyMebibytes} MiB, then ${peakMebibytes} MiB`);
});
