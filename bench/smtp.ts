/**
 * Throughput of the mail guard, as a share of the same mail server without it. Short rounds alternate between both, and each pair gives a
 * ratio, so other load on the machine slows both sides alike.
 *
 * Needs smtp-source, smtp-sink, Postfix with Cyrus SASL, openssl and taskset.
 */
import { chmod } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CertificateFiles } from '../src/listener/certificates.ts';
import { createSmtpGuard } from '../src/smtp/guard.ts';
import type { SmtpOptions } from '../src/smtp/options.ts';
import { certificate } from '../test/smtp/certificate.ts';
import { startPostfix } from '../test/smtp/postfix.ts';
import { guardOptions } from '../test/smtp/support.ts';
import { freePort } from '../test/support/free-port.ts';
import type { Owner } from '../test/support/owner.ts';
import { requirePeer, without } from '../test/support/peers.ts';
import { runProcess, startProcess } from '../test/support/process.ts';
import { tempDir } from '../test/support/temp-dir.ts';
import { median } from './options.ts';
import { loadCore, proxyCore, treeOf } from './pinned.ts';
import { processorSecondsOfAll } from './processor-time.ts';

export interface SmtpBenchOptions {
  /** One JSON object a line on stdout, instead of text. */
  readonly json?: boolean;
  /** Pairs of rounds of each scene. @default 15 */
  readonly rounds?: number;
  /** One pair of rounds for each scene, to check that it works. */
  readonly quick?: boolean;
  /** Only scenes with this in their name. @default all */
  readonly only?: string;
}

export interface BenchResult {
  readonly bench: 'smtp';
  readonly scene: string;
  /** Unit of `direct` and `guarded`. */
  readonly unit: 'messages/s' | 'MB/s';
  readonly direct: number;
  readonly guarded: number;
  /** guarded ÷ direct: median over the pairs. */
  readonly ratio: number;
  /**
   * Processor time of load, guard and mail server for a message, direct ÷ guarded: median over the pairs. On a full machine that nothing else
   * uses this is the ratio of the throughputs; other load on the machine does not change it.
   */
  readonly processorRatio: number;
  /** Processor time of the guard for a message, in microseconds: on a full machine the mail server gets that much less. */
  readonly guardTime: number;
  /** The ratio to reach. */
  readonly target: number;
}

interface Scene {
  readonly name: string;
  readonly behind: 'postfix' | 'sink';
  readonly messages: number;
  readonly bytes: number;
  readonly sessions: number;
  readonly reuse: boolean;
  readonly target: number;
  /** How the mail server learns each client's address; each client then has its own session with it. */
  readonly told?: 'proxy' | 'xclient';
  /** By STARTTLS and AUTH. The guard terminates TLS and forwards AUTH to Postfix. */
  readonly submission?: boolean;
  /** The guard on its own core; load and mail server on the other one, in both kinds of rounds. */
  readonly apart?: boolean;
}

const intoPostfix = {
  behind: 'postfix',
  messages: 400,
  bytes: 4096,
  sessions: 20,
  reuse: false,
  target: 0.85,
} as const;

const scenes: readonly Scene[] = [
  { ...intoPostfix, name: 'Postfix, 4 KB mails, 20 sessions' },
  { ...intoPostfix, name: 'Postfix, the same, with a PROXY header', told: 'proxy' },
  { ...intoPostfix, name: 'Postfix, the same, by XCLIENT', told: 'xclient' },
  {
    ...intoPostfix,
    name: 'Postfix, 4 KB mails by STARTTLS and AUTH, 20 sessions',
    messages: 150,
    submission: true,
  },
  { ...intoPostfix, name: 'Postfix and load on one core, the guard on another', apart: true },
  {
    name: 'sink, 4 KB mails, connections reused',
    behind: 'sink',
    messages: 8000,
    bytes: 4096,
    sessions: 20,
    reuse: true,
    target: 0.4,
  },
  {
    name: 'sink, 4 KB mails, a connection each',
    behind: 'sink',
    messages: 2000,
    bytes: 4096,
    sessions: 20,
    reuse: false,
    target: 0.15,
  },
  {
    name: 'sink, 20 MB mails',
    behind: 'sink',
    messages: 10,
    bytes: 20_000_000,
    sessions: 2,
    reuse: true,
    target: 0.85,
  },
];

/** smtp-sink refuses to run as root. */
const asUser = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];

/**
 * Runs every scene and prints it.
 *
 * @throws if a peer is missing
 */
export async function run({
  json = false,
  quick = false,
  rounds = quick ? 1 : 15,
  only = '',
}: SmtpBenchOptions = {}): Promise<BenchResult[]> {
  const missing = without('smtp-source', 'smtp-sink', 'postfix', 'saslpasswd2', 'openssl');
  if (missing !== false) throw new Error(`bench smtp ${missing}`);
  const stops: (() => unknown)[] = [];
  const owner: Owner = { after: (stop) => void stops.unshift(stop) };
  try {
    const sink = await freePort();
    const sinkProcess = await startProcess(
      owner,
      requirePeer('smtp-sink'),
      [...asUser, `127.0.0.1:${sink}`, '1000'],
      {
        timeout: 900_000,
      },
    );
    await sinkProcess.waitForPort(sink);
    const [proxied, xclient, secured] = [await freePort(), await freePort(), await freePort()];
    const tls = await certificate(owner);
    const users = await usersFile(owner);
    const postfix = await startPostfix(owner, {
      deliverTo: sink,
      main: `default_transport = discard:
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = example.net`,
      sasl: `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: ${users}\nmech_list: PLAIN\n`,
      service: `127.0.0.1:10025 inet n - n - - smtpd
127.0.0.1:${proxied} inet n - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy
127.0.0.1:${xclient} inet n - n - - smtpd -o smtpd_authorized_xclient_hosts=127.0.0.1
127.0.0.1:${secured} inet n - n - - smtpd -o smtpd_tls_security_level=may -o smtpd_tls_cert_file=${tls[0]!.cert} -o smtpd_tls_key_file=${tls[0]!.key}
`,
    });
    const results: BenchResult[] = [];
    for (const scene of scenes.filter(({ name }) => name.includes(only))) {
      const behind = scene.behind === 'sink' ? sink : scene.submission === true ? secured : postfix.port;
      const options = optionsOf(scene, {
        plain: scene.behind === 'sink' ? sink : postfix.port,
        proxied,
        xclient,
        tls,
      });
      const guard = createSmtpGuard(options, { onEvent: () => {}, log: quiet });
      const [address] = await guard.listen();
      // A guard runs for weeks, so measure compiled code, whichever scene comes first.
      if (!quick) await warmUp(sink);
      const cores = scene.apart === true ? `${loadCore}` : allCores;
      await bind(scene.apart === true ? `${proxyCore}` : allCores, [process.pid]);
      await bind(cores, treeOf(postfix.process.pid));
      const result = await measure(scene, cores, behind, address!.port, rounds);
      await bind(allCores, [process.pid]);
      await guard.close(0);
      results.push(result);
      if (json) console.log(JSON.stringify(result));
      else console.log(describe(result));
    }
    return results;
  } finally {
    for (const stop of stops) await stop();
  }
}

interface Setup {
  readonly plain: number;
  readonly proxied: number;
  readonly xclient: number;
  readonly tls: CertificateFiles[];
}

function optionsOf({ told, submission }: Scene, { plain, proxied, xclient, tls }: Setup): SmtpOptions {
  if (told === 'proxy') return guardOptions(proxied, { proxyProtocol: 'v1' });
  if (told === 'xclient') return guardOptions(xclient, { xclient: true });
  const limits = { messages: 1_000_000, recipients: 1_000_000, failures: 100 };
  return guardOptions(plain, submission === true ? { tls, submission: { limits, senders: {} } } : {});
}

/** Prints warnings and errors only: a line for each mail would measure the terminal. */
const quiet = { info: () => {}, warn: console.warn, error: console.error };

/** The account file of Cyrus SASL: `user` with password `secret`. */
async function usersFile(owner: Owner): Promise<string> {
  const users = join(await tempDir(owner, 'sasl'), 'users');
  const made = await runProcess(
    requirePeer('saslpasswd2'),
    ['-p', '-c', '-f', users, '-u', 'example.net', 'user'],
    {
      input: 'secret',
    },
  );
  if (made.code !== 0) throw new Error(made.stderr);
  await chmod(users, 0o644);
  return users;
}

/** Uses a guard of its own, so that the measured one keeps none of its memory. */
async function warmUp(sink: number): Promise<void> {
  const guard = createSmtpGuard(guardOptions(sink), { onEvent: () => {}, log: quiet });
  const [address] = await guard.listen();
  const warm: Scene = { ...scenes[0]!, messages: 3000 };
  await rate(warm, allCores, address!.port);
  await rate({ ...warm, messages: 6000, reuse: true }, allCores, address!.port);
  await guard.close(0);
}

const allCores = `0-${availableParallelism() - 1}`;

/** Binds every thread of the processes; their later children inherit it. */
async function bind(cores: string, pids: readonly number[]): Promise<void> {
  for (const pid of pids) await runProcess('taskset', ['-acp', cores, `${pid}`]);
}

async function measure(
  scene: Scene,
  cores: string,
  direct: number,
  guarded: number,
  rounds: number,
): Promise<BenchResult> {
  // Rounds that do not count: connections, caches, and compiled code of the paths that only this scene takes.
  await rate(scene, cores, direct);
  await rate({ ...scene, messages: scene.messages * 3 }, cores, guarded);
  const pairs: { direct: Round; guarded: Round }[] = [];
  for (let i = 0; i < rounds; i++) {
    // The order alternates, since the second round of a pair finds the machine warmer.
    const first = await rate(scene, cores, i % 2 === 0 ? direct : guarded);
    const second = await rate(scene, cores, i % 2 === 0 ? guarded : direct);
    pairs.push(i % 2 === 0 ? { direct: first, guarded: second } : { direct: second, guarded: first });
  }
  const big = scene.bytes > 1_000_000;
  const scale = big ? scene.bytes / 1_000_000 : 1;
  return {
    bench: 'smtp',
    scene: scene.name,
    unit: big ? 'MB/s' : 'messages/s',
    direct: Math.round(median(pairs.map((pair) => pair.direct.rate)) * scale),
    guarded: Math.round(median(pairs.map((pair) => pair.guarded.rate)) * scale),
    ratio: Number(median(pairs.map((pair) => pair.guarded.rate / pair.direct.rate)).toFixed(3)),
    processorRatio: Number(median(pairs.map((pair) => pair.direct.total / pair.guarded.total)).toFixed(3)),
    guardTime: Math.round(median(pairs.map((pair) => pair.guarded.time))),
    target: scene.target,
  };
}

interface Round {
  /** Messages a second. */
  readonly rate: number;
  /** Microseconds of processor time of this process, which the guard runs in, for a message. */
  readonly time: number;
  /** Microseconds of processor time of load, guard and mail server together, for a message with its delivery. */
  readonly total: number;
}

/** Milliseconds after each round, for the mail server to deliver its mail. */
const settleTime = 500;

async function rate(scene: Scene, cores: string, port: number): Promise<Round> {
  // Mail servers are children of this process.
  const before = processorSecondsOfAll(treeOf(process.pid));
  const round = await timed(scene, loadOf(scene, cores, port));
  await delay(settleTime);
  const seconds = processorSecondsOfAll(treeOf(process.pid)) - before;
  return { ...round, total: (seconds * 1e6) / scene.messages };
}

/** Arguments of taskset. */
function loadOf(scene: Scene, cores: string, port: number): string[] {
  if (scene.submission === true) {
    const load = [
      fileURLToPath(new URL('./smtp-submission-load.ts', import.meta.url)),
      port,
      scene.messages,
      scene.sessions,
      scene.bytes,
    ];
    return ['-c', cores, process.execPath, ...load.map(String)];
  }
  const args = ['-s', `${scene.sessions}`, '-m', `${scene.messages}`, '-l', `${scene.bytes}`];
  if (scene.reuse) args.push('-d');
  args.push('-f', 'sender@example.com', '-t', 'user@example.net', `127.0.0.1:${port}`);
  return ['-c', cores, requirePeer('smtp-source'), ...args];
}

async function timed(scene: Scene, command: readonly string[]): Promise<Omit<Round, 'total'>> {
  const started = performance.now();
  const before = process.cpuUsage();
  const result = await runProcess('taskset', command, { timeout: 120_000 });
  const seconds = (performance.now() - started) / 1000;
  if (result.code !== 0) throw new Error(`${command.join(' ')}: ${result.stderr || result.signal}`);
  const { user, system } = process.cpuUsage(before);
  return { rate: scene.messages / seconds, time: (user + system) / scene.messages };
}

function describe({
  scene,
  unit,
  direct,
  guarded,
  ratio,
  processorRatio,
  guardTime,
  target,
}: BenchResult): string {
  const verdict = `${ratio >= target ? 'ok' : 'below'}, target ${target}`;
  return `${scene.padEnd(52)} direct ${direct} ${unit}, guarded ${guarded}: ${ratio} (${verdict}; by processor time ${processorRatio}; guard ${guardTime} µs a message)`;
}

if (import.meta.main) await run({ only: process.argv[2] ?? '' });
