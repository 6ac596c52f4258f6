/** The time of day jumps by a day and back. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { peer, without } from '../support/peers.ts';
import { exchange } from '../support/raw-client.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

const get = 'GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n';
const probe = 'GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n';

test('a clock jump breaks no request, kept connection, verdict or limit', {
  skip: without('libfaketime'),
}, async (t) => {
  const backend = await recordingBackend(t);
  const clock = join(await tempDir(t, 'clock'), 'now');
  await writeFile(clock, '+0d\n');
  const { port } = await startGatewayProcess(
    t,
    `sites: [{ hosts: [www.example.net], backend: "${backend.url}" }, { hosts: [few.example.net], backend: welcome, rateLimit: { max: 2, timeWindow: 1d } }]\nbans: { after: 1000 }\nrateLimit: { max: 1000, timeWindow: 1m }\njournal: false\nlog: { level: error }\n`,
    [],
    {
      env: {
        LD_PRELOAD: peer('libfaketime')!,
        FAKETIME_TIMESTAMP_FILE: clock,
        FAKETIME_NO_CACHE: '1',
        // Only the time of day jumps, not CLOCK_MONOTONIC (clock_gettime(2)).
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    },
  );
  const few = async () =>
    (await exchange(port, get.replace('www', 'few'), { until: 1, from: '127.0.0.4' })).responses[0]?.status;
  assert.deepEqual([await few(), await few()], [200, 200]);
  const kept = await rawConnection(t, port);
  const dates = new Set<string>();
  let count = 0;
  for (const offset of ['+0d', '+1d', '-1d', '+0d']) {
    await writeFile(clock, `${offset}\n`);
    for (let i = 0; i < 5; i++) {
      kept.socket.write(get);
      count++;
      await kept.until(new RegExp(`(?:HTTP/1.1 200 OK[\\s\\S]*?ok){${count}}$`));
      const refused = await exchange(port, probe);
      assert.deepEqual([refused.responses[0]?.status, refused.ended], [421, 'closed']);
      const fresh = await exchange(port, get, { until: 1 });
      assert.equal(fresh.responses[0]?.status, 200);
      assert.equal(await few(), 429, `a window does not end, and is not opened again: ${offset}`);
      dates.add(String(fresh.responses[0]?.headers.get('date')?.[0]).slice(0, 16));
      await delay(20);
    }
  }
  assert.equal(dates.size, 3, `the clock did jump: ${[...dates].join()}`);
});
