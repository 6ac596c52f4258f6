/** Paths and parameters that name a target to a proxy script, in access logs. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { pathProxies, pathProxyTargets } from '../corpus/path-proxies.ts';
import { scannedText } from './scanned.ts';

const line = (target: string, status: number): string =>
  `192.0.2.7 - - [25/Nov/2026:10:00:00 +0000] "GET ${target} HTTP/1.1" ${status} 512 "-" "curl/8.14.1"\n`;

suite('path proxies in logs', () => {
  test('each is found: unclear with a 2xx, refused with a 404', async () => {
    const log = pathProxyTargets.map(([, target]) => line(target, 200) + line(target, 404)).join('');
    const { findings } = await scannedText(log, { hosts: ['www.example.net'] });
    assert.equal(findings.length, pathProxyTargets.length * 2);
    for (const [i, [id, , intent]] of pathProxyTargets.entries()) {
      const [asked, refused] = [findings[i * 2]!, findings[i * 2 + 1]!];
      assert.deepEqual([asked.rule, asked.intent, asked.outcome], ['path-proxy', intent, 'unclear'], id);
      assert.equal(refused.outcome, 'refused', id);
    }
  });

  test('similar ordinary paths are not reported', async () => {
    const targets = pathProxies
      .filter(({ expect }) => expect.verdict === 'allow')
      .map(({ bytes }) => bytes.split(' ')[1]!);
    const { findings } = await scannedText(targets.map((target) => line(target, 200)).join(''), {
      hosts: ['www.example.net'],
    });
    assert.deepEqual(findings, []);
  });
});
