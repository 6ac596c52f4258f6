/** The export in the real CrowdSec: which clients it bans, for how long, and for which rule. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';
import { exportSource } from '../../src/export/source.ts';
import { targets } from '../../src/export/targets.ts';
import { type CrowdsecResult, runCrowdsec } from '../support/crowdsec.ts';
import type { Owner } from '../support/owner.ts';
import { without } from '../support/peers.ts';
import { tempDir } from '../support/temp-dir.ts';
import { crowdsecFiles } from './counted.ts';

const parts = (settings: string): Record<string, string> =>
  Object.fromEntries(
    targets.crowdsec
      .parts(
        exportSource(
          parseConfig(
            `listen: ["127.0.0.1:8080"]\nsites: [{ hosts: [www.example.net], backend: welcome }]\n${settings}\n`,
            '.',
          ),
        ),
      )
      .map(({ name, text }) => [name, text]),
  );

interface Sent {
  readonly from: string;
  readonly request: string;
  /** Seconds past the hour. */
  readonly at: number;
  /** Text before the address, as in `vhost_combined`. */
  readonly host?: string;
  readonly user?: string;
  readonly agent?: string;
}

/** A log line as nginx and Apache write it. */
const line = ({ from, request, at, host = '', user = '-', agent = '-' }: Sent): string => {
  const time = `${String(Math.floor(at / 60)).padStart(2, '0')}:${String(at % 60).padStart(2, '0')}`;
  return `${host}${from} - ${user} [10/Oct/2026:13:${time} +0000] "${request}" 400 226 "-" "${agent}"`;
};

async function read(owner: Owner, settings: string, ...logs: (readonly Sent[])[]): Promise<CrowdsecResult> {
  const dir = await tempDir(owner, 'crowdsec-logs');
  const files = crowdsecFiles(parts(settings));
  const runs = await Promise.all(
    logs.map(async (sent, index) => {
      const log = join(dir, `${index}.log`);
      const inOrder = sent.toSorted((one, other) => one.at - other.at);
      await writeFile(log, inOrder.map((one) => `${line(one)}\n`).join(''));
      return { type: 'apache2', log, files } as const;
    }),
  );
  return runCrowdsec(owner, runs[0]!, ...runs.slice(1));
}

const times = (count: number, sent: Omit<Sent, 'at'>, every = 1): Sent[] =>
  Array.from({ length: count }, (_, index) => ({ ...sent, at: index * every }));

const probe = 'GET http://www.example.com/ HTTP/1.1';
const bans = 'bans: { after: 3, within: 10m, for: [10m, 1h, 1d], allow: [198.51.100.0/24] }';

suite('the CrowdSec export', { skip: without('crowdsec') }, () => {
  test('bans exactly the clients with as many probes as the config says, of any kind', async (t) => {
    const { decisions, alerts, output } = await read(t, bans, [
      ...times(3, { from: '203.0.113.1', request: probe }),
      ...times(2, { from: '203.0.113.2', request: probe }),
      ...times(9, { from: '203.0.113.3', request: 'GET / HTTP/1.1' }),
      ...times(9, { from: '203.0.113.4', request: 'GET http://www.example.net/ HTTP/1.1' }),
      // A browser that opens connections in advance, and one that speaks TLS to a plain port.
      ...times(9, { from: '203.0.113.5', request: '-' }),
      ...times(9, { from: '203.0.113.6', request: '\\x16\\x03\\x01\\x02\\x00\\x01' }),
      ...times(9, { from: '198.51.100.7', request: probe }),
      ...times(3, { from: '2001:db8::8', request: 'CONNECT mail.example.com:25 HTTP/1.1' }),
      { from: '203.0.113.9', request: probe, at: 0 },
      { from: '203.0.113.9', request: '\\x05\\x01\\x00', at: 1 },
      { from: '203.0.113.9', request: 'TRACE / HTTP/1.1', at: 2 },
      ...times(3, { from: '203.0.113.10', request: probe, host: 'www.example.net:80 ' }),
      // A sender must not get another address banned by text in its own line.
      ...times(9, {
        from: '203.0.113.11',
        request: 'GET / HTTP/1.1',
        user: `x [10/Oct/2026:13:00:00 +0000] \\"${probe}\\" 200`,
        agent: `\\"\\n203.0.113.12 - - [10/Oct/2026:13:00:00 +0000] \\"${probe}\\" 400 226 \\"-\\"`,
      }),
    ]);
    assert.deepEqual(
      decisions.toSorted((one, other) => (one.address < other.address ? -1 : 1)),
      ['2001:db8::8', '203.0.113.1', '203.0.113.10', '203.0.113.9'].map((address) => ({
        address,
        type: 'ban',
        seconds: 600,
      })),
    );
    const mixed = alerts.find(({ address }) => address === '203.0.113.9');
    assert.deepEqual(
      mixed?.events.map(({ sekisho_rule }) => sekisho_rule),
      ['absolute-form-foreign', 'framing', 'trace'],
    );
    assert.equal(mixed?.events[0]?.sekisho_request, probe);
    assert.doesNotMatch(output, /level=(?:warning|error|fatal).*(?:SEKISHO_|name=sekisho)/);
  });

  test('lines of error logs are no probes', async (t) => {
    const dir = await tempDir(t, 'crowdsec-logs');
    const files = crowdsecFiles(parts('bans: { after: 1 }'));
    const errors = {
      nginx: [
        '2026/10/10 13:00:00 [error] 12#12: *1 open() "/srv/a" failed (2: No such file or directory), client: 203.0.113.1, server: www.example.net, request: "GET /a HTTP/1.1", host: "www.example.net"',
        '2026/10/10 13:00:01 [error] 12#12: *2 limiting requests, excess: 1.0 by zone "one", client: 203.0.113.1, server: www.example.net, request: "GET http://www.example.com/ HTTP/1.1", host: "www.example.com"',
      ],
      apache2: [
        '[Sat Oct 10 13:00:00.000000 2026] [core:error] [pid 12:tid 12] [client 203.0.113.2:40000] AH00126: Invalid URI in request GET /../a HTTP/1.1',
        // How Apache logs a request that it could not read.
        '203.0.113.2 - - [10/Oct/2026:13:00:00 +0000] "" 400 266 "-" "-"',
        '203.0.113.2 - - [10/Oct/2026:13:00:00 +0000] "-" 408 0 "-" "-"',
      ],
    };
    const seen = line({ from: '203.0.113.3', request: probe, at: 2 });
    for (const type of ['nginx', 'apache2'] as const) {
      const log = join(dir, `${type}.log`);
      await writeFile(log, [...errors[type], seen].map((one) => `${one}\n`).join(''));
      const { decisions } = await runCrowdsec(t, { type, log, files });
      assert.deepEqual(
        decisions.map(({ address }) => address),
        ['203.0.113.3'],
        type,
      );
    }
  });

  test('counts within the time of the config', async (t) => {
    const { decisions } = await read(t, bans, [
      ...times(3, { from: '203.0.113.1', request: probe }, 290),
      ...times(3, { from: '203.0.113.2', request: probe }, 1_200),
    ]);
    assert.deepEqual(
      decisions.map(({ address }) => address),
      ['203.0.113.1'],
    );
  });

  test('bans repeat offenders for longer', async (t) => {
    const again = times(3, { from: '203.0.113.1', request: probe });
    const { decisions } = await read(t, 'bans: { after: 3, for: [10m, 1h] }', again, again, again);
    assert.deepEqual(
      decisions.map(({ seconds }) => seconds),
      [600, 3_600, 3_600],
    );
  });

  test('one probe can be enough', async (t) => {
    const { decisions } = await read(t, 'bans: { after: 1, for: [2h] }', [
      { from: '203.0.113.1', request: probe, at: 0 },
      { from: '203.0.113.2', request: 'GET / HTTP/1.1', at: 0 },
    ]);
    assert.deepEqual(decisions, [{ address: '203.0.113.1', type: 'ban', seconds: 7_200 }]);
  });

  test('without bans it alerts but bans nobody', async (t) => {
    const { decisions, alerts } = await read(t, 'bans: false', [
      ...times(9, { from: '203.0.113.1', request: probe }),
    ]);
    assert.deepEqual(
      alerts.map(({ address, remediation }) => ({ address, remediation })),
      [{ address: '203.0.113.1', remediation: false }],
    );
    assert.deepEqual(decisions, []);
  });
});
