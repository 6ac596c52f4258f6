/** The real CrowdSec on a log file: agent and local API in one process, with its own configuration and no central API. */
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { freePort } from './free-port.ts';
import type { Owner } from './owner.ts';
import { requirePeer } from './peers.ts';
import { runProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

export interface CrowdsecRun {
  /** Log type, as in an acquisition. */
  readonly type: 'nginx' | 'apache2';
  readonly log: string;
  /** File contents by path below /etc/crowdsec. */
  readonly files: Readonly<Record<string, string>>;
}

export interface Alert {
  readonly address: string;
  readonly scenario: string;
  readonly remediation: boolean;
  /** `evt.Meta` of each event. */
  readonly events: readonly Readonly<Record<string, string>>[];
}

export interface Decision {
  readonly address: string;
  readonly type: string;
  readonly seconds: number;
}

export interface CrowdsecResult {
  readonly alerts: readonly Alert[];
  readonly decisions: readonly Decision[];
  /** Its log. */
  readonly output: string;
}

/** The parsers of web logs that a Debian installation enables. */
const hubItems = [
  'parsers/s00-raw/crowdsecurity/syslog-logs.yaml',
  'parsers/s01-parse/crowdsecurity/nginx-logs.yaml',
  'parsers/s01-parse/crowdsecurity/apache2-logs.yaml',
  'parsers/s02-enrich/crowdsecurity/dateparse-enrich.yaml',
  'parsers/s02-enrich/crowdsecurity/http-logs.yaml',
];

/** Reads logs to their end, one after the other, keeping earlier decisions. @throws where it fails */
export async function runCrowdsec(
  owner: Owner,
  ...runs: readonly [CrowdsecRun, ...CrowdsecRun[]]
): Promise<CrowdsecResult> {
  const binary = requirePeer('crowdsec');
  const packaged = resolve(binary, '../../..');
  const hub = join(packaged, 'usr/share/crowdsec/hub');
  const dir = await tempDir(owner, 'crowdsec');
  const etc = join(dir, 'etc');
  for (const folder of ['data', 'plugins', 'etc/notifications', 'etc/scenarios'])
    await mkdir(join(dir, folder), { recursive: true });
  for (const item of hubItems) {
    const folder = resolve(etc, item, '../..');
    await mkdir(folder, { recursive: true });
    await symlink(join(hub, item), join(folder, basename(item)));
  }
  await cp(join(packaged, 'etc/crowdsec/patterns'), join(etc, 'patterns'), { recursive: true });
  for (const name of ['profiles.yaml', 'simulation.yaml'])
    await cp(join(packaged, 'etc/crowdsec', name), join(etc, name));

  let output = '';
  for (const { type, log, files } of runs) {
    for (const [path, text] of Object.entries(files)) await writeFile(join(etc, path), text);
    for (let attempt = 1; ; attempt += 1) {
      const config = await configure(dir, hub, await freePort());
      const { code, signal, stdout, stderr } = await runProcess(
        binary,
        ['-c', config, '-no-capi', '-dsn', `file://${log}`, '-type', type],
        { timeout: 90_000, cwd: dir },
      );
      output += stdout + stderr;
      if (code === 0) break;
      if (attempt === 3 || !/address already in use/.test(stdout + stderr))
        throw new Error(`crowdsec ended with ${code ?? signal}: ${stdout}${stderr}`);
    }
  }
  return { ...readDatabase(join(dir, 'data/crowdsec.db')), output };
}

async function configure(dir: string, hub: string, port: number): Promise<string> {
  const etc = join(dir, 'etc');
  const file = join(etc, 'config.yaml');
  const url = `http://127.0.0.1:${port}/`;
  const credentials = join(etc, 'local_api_credentials.yaml');
  const config = {
    common: { daemonize: false, log_media: 'stdout', log_level: 'info', working_dir: dir },
    config_paths: {
      config_dir: etc,
      data_dir: join(dir, 'data'),
      simulation_path: join(etc, 'simulation.yaml'),
      hub_dir: hub,
      index_path: join(hub, '.index.json'),
      notification_dir: join(etc, 'notifications'),
      plugin_dir: join(dir, 'plugins'),
    },
    crowdsec_service: { parser_routines: 1 },
    cscli: { output: 'raw' },
    db_config: { type: 'sqlite', db_path: join(dir, 'data/crowdsec.db') },
    // Without `online_client` it uses no central API.
    api: {
      client: { credentials_path: credentials },
      server: { listen_uri: `127.0.0.1:${port}`, profiles_path: join(etc, 'profiles.yaml') },
    },
    prometheus: { enabled: false },
  };
  await writeFile(file, JSON.stringify(config));
  await writeFile(credentials, JSON.stringify({ url, login: 'test', password: 'only-for-this-test' }));
  const args = ['machines', 'add', 'test', '--password', 'only-for-this-test', '--force'];
  const added = await runProcess(requirePeer('cscli'), ['-c', file, ...args, '-u', url, '-f', credentials]);
  if (added.code !== 0) throw new Error(`cscli: ${added.stdout}${added.stderr}`);
  return file;
}

function readDatabase(path: string): Pick<CrowdsecResult, 'alerts' | 'decisions'> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const alerts = database.prepare('select id, source_ip, scenario from alerts order by id').all();
    const events = database.prepare('select serialized from events where alert_events = ? order by time');
    const decided = database.prepare('select count(*) as n from decisions where alert_decisions = ?');
    // Counted from the last event, not from when the log was read.
    const decisions = database
      .prepare(
        `select d.value, d.type,
           (julianday(substr(d.until, 1, 19)) - julianday(substr(a.stopped_at, 1, 19))) * 86400 as seconds
         from decisions d join alerts a on a.id = d.alert_decisions order by d.id`,
      )
      .all();
    return {
      alerts: alerts.map(({ id, source_ip, scenario }) => ({
        address: String(source_ip),
        scenario: String(scenario),
        remediation: Number(decided.get(id!)!.n) > 0,
        events: events
          .all(id!)
          .map(({ serialized }) =>
            Object.fromEntries(
              (JSON.parse(String(serialized)) as { key: string; value: string }[]).map(({ key, value }) => [
                key,
                value,
              ]),
            ),
          ),
      })),
      decisions: decisions.map(({ value, type, seconds }) => ({
        address: String(value),
        type: String(type),
        seconds: Math.round(Number(seconds)),
      })),
    };
  } finally {
    database.close();
  }
}
