/** The program dials its backend and nothing else, whatever it is sent: promise 1. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { presets } from '../../src/rules/catalogue.ts';
import { runCorpus } from '../support/corpus-run.ts';
import { corpusConfig } from '../support/gateway.ts';
import { root, startGatewayProcess } from '../support/gateway-process.ts';
import { readDialLog, strangers } from '../support/no-dial.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { tempDir } from '../support/temp-dir.ts';

suite('while the whole corpus runs', () => {
  for (const preset of presets)
    test(`preset ${preset}: no dial and no look-up except for the backend`, async (t) => {
      const backend = await recordingBackend(t);
      const log = join(await tempDir(t), 'dials');
      const gateway = await startGatewayProcess(
        t,
        `${corpusConfig(backend.url)}policy: { preset: ${preset} }\nlog: { level: error }\n`,
        ['--import', join(root, 'test/support/no-dial.ts')],
        { env: { SEKISHO_DIAL_LOG: log } },
      );
      await runCorpus(gateway.port);
      const dials = readDialLog(log);
      assert.ok(dials.length > 0, 'the dial watch works: it has seen the backend dialled');
      assert.deepEqual(strangers(dials, [backend.authority]), []);
      assert.ok(backend.requests.length > 100);
      assert.deepEqual(backend.faults, []);
      // It is alive and shuts down cleanly.
      assert.deepEqual(await gateway.process.stop(), { code: 0, signal: null });
    });
});
