import { withoutZone } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { audit } from '../audit/audit.ts';
import { Connection } from '../audit/connection.ts';
import type { Finding } from '../audit/finding.ts';
import { openCanary, parseAddrPort, type ReachableAddress } from '../audit/open-canary.ts';
import { ownToken, proveOwnership, tokenLabel, tokenPath } from '../audit/ownership.ts';
import { pathTechniques } from '../audit/path-techniques.ts';
import { report } from '../audit/report.ts';
import {
  AuditInputError,
  addressesOf,
  defaultPorts,
  isNear,
  mostAddresses,
  parsePorts,
  parseTarget,
  type Target,
} from '../audit/target.ts';
import { exitCode, exitCodes, limits, verdictLine } from '../audit/verdict.ts';
import { environmentLanguage } from '../words/language.ts';
import type { AuditOptions, Command } from './options.ts';

/** Milliseconds for the whole audit. */
const wholeAudit = 15 * 60_000;
/** Connections to one port; all techniques together need fewer. */
const connectionsPerPort = 600;
/** Milliseconds to wait for a port to accept, before any technique is tried. */
const dialPatience = 2_000;

/** `sekisho audit`: whether the caller's own server relays. */
export const run: Command<AuditOptions> = async (options) => {
  try {
    return await auditTarget(options);
  } catch (error) {
    if (!(error instanceof AuditInputError)) throw error;
    process.stderr.write(`sekisho audit: ${error.message}\n`);
    return exitCodes.usage;
  }
};

async function auditTarget(options: AuditOptions): Promise<number> {
  const target = parseTarget(options.target);
  const ports = portsOf(target, options);
  const wish = wishOf(options, target);
  const addresses = (await addressesOf(target.name)).slice(0, mostAddresses);
  await demandOwnership(options, target, addresses, ports);
  const reachable = await reachableAddresses(addresses, ports);
  const remarks = {
    untested: [] as string[],
    slow: [] as string[],
    unheardPorts: [] as string[],
    paths: wish.paths.length > 0,
  };
  const where = reachable.length > 0 ? reachable.map(({ address }) => address) : addresses;
  if (reachable.length === 0)
    remarks.untested.push(`nothing accepts at ${where.join(', ')}, port ${ports.join(', ')}`);
  const progress = new Progress();
  const findings: Finding[] = [];
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const signal = AbortSignal.any([abort.signal, AbortSignal.timeout(wholeAudit)]);
  try {
    for (const reached of reachable) {
      const named = reached.address === target.name ? target.name : `${target.name} (${reached.address})`;
      for await (const finding of auditAddress(reached, named)) {
        findings.push(finding);
        if (!options.json) continue;
        progress.clear();
        process.stdout.write(`${JSON.stringify(finding)}\n`);
      }
    }
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    progress.clear();
  }
  const language = environmentLanguage(process.env);
  const said = where.length > 1 ? `${options.target} (${where.join(', ')})` : options.target;
  if (options.json) {
    process.stderr.write(
      `${[verdictLine(said, findings, remarks, language), ...limits(findings, remarks, language)].join('\n')}\n`,
    );
  } else {
    const { isTTY, columns } = process.stdout;
    const style = { color: isTTY && !process.env.NO_COLOR, width: columns ?? 100, language };
    process.stdout.write(report(said, findings, remarks, style));
  }
  return exitCode(findings, remarks);

  async function* auditAddress(reached: ReachableAddress, named: string): AsyncGenerator<Finding> {
    const canary = await openCanary(options, reached, ports);
    for (const port of [80, 443, ...ports]) {
      const why = canary.unheardPorts.get(port);
      const text = `port ${port} (${why})`;
      if (why !== undefined && !remarks.unheardPorts.includes(text)) remarks.unheardPorts.push(text);
    }
    try {
      yield* audit({
        address: reached.address,
        ports,
        name: wish.host,
        canary,
        paths: wish.paths,
        bounds: {
          patience: wish.patience,
          pace: wish.pace ?? (specialRange(reached.address) === 'loopback' ? 0 : 50),
          connections: ports.length * connectionsPerPort,
          signal,
        },
        onProgress: (port, technique, done, of) => progress.show(`${port}  ${done}/${of}  ${technique}`),
        onNote: (port, { kind, text }) => {
          if (kind !== 'closed') remarks[kind].push(`${named} port ${port} ${text}`);
          progress.note(`${named} port ${port}: ${text}`);
        },
      });
    } finally {
      await canary.close();
    }
  }
}

interface Wish {
  readonly host: string;
  readonly paths: ReturnType<typeof pathTechniques>;
  /** Milliseconds. */
  readonly patience: number;
  /** Milliseconds; null: the default for the address. */
  readonly pace: number | null;
}

/** Checks the options before anything is sent. */
function wishOf(options: AuditOptions, target: Target): Wish {
  const { host, paths, timeout = '4', pace, canary, canaryListen } = options;
  if (canary !== undefined) parseAddrPort('--canary', canary);
  if (canaryListen !== undefined) parseAddrPort('--canary-listen', canaryListen);
  // A path in TARGET itself is tried too.
  const given = [
    ...(paths === undefined || paths === true ? [] : paths),
    ...(target.path === null ? [] : [target.path]),
  ];
  return {
    host: host === undefined ? target.name : parseTarget(host, '--host').name,
    paths:
      paths === undefined && target.path === null
        ? []
        : pathTechniques(given.flatMap((list) => list.split(','))),
    patience: number('--timeout', timeout, 0.1, 60) * 1_000,
    pace: pace === undefined ? null : number('--pace', pace, 0, 60_000),
  };
}

function portsOf(target: Target, { port }: AuditOptions): readonly number[] {
  const asked = [...target.ports, ...(port === undefined ? [] : parsePorts(port))];
  return asked.length === 0 ? defaultPorts : [...new Set(asked)];
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
  throw new AuditInputError(`${option} ${JSON.stringify(text)}: give a number from ${least} to ${most}`);
}

/** Refuses to audit somebody else's server: a public address must show our token, which only its owner can put there. */
async function demandOwnership(
  { iOwnThis }: AuditOptions,
  { name }: Target,
  addresses: readonly string[],
  ports: readonly number[],
): Promise<void> {
  const far = addresses.filter((address) => !isNear(address));
  if (far.length === 0) return;
  if (iOwnThis === undefined) {
    throw new AuditInputError(
      `${name} (${far[0]}) is neither a loopback nor a private address. An audit of somebody else's server is an attack: if it is yours, name it with --i-own-this NAME; that prints how to prove it`,
    );
  }
  const owned = parseTarget(iOwnThis, '--i-own-this').name;
  const token = await ownToken();
  for (const address of far) {
    const proof = await proveOwnership({
      address,
      name: owned,
      ports: [...new Set([80, 443, ...ports])],
      token,
    });
    if (proof === null) {
      throw new AuditInputError(
        [
          `nothing at ${address} proves that it is yours. Do one of these, then try again:`,
          `  serve a file ${tokenPath} on it, over HTTP or HTTPS, with this line: ${token}`,
          `  add a TXT record ${tokenLabel}.${owned} with this text, if the PTR record of ${address} also names ${owned}: ${token}`,
        ].join('\n'),
      );
    }
    process.stderr.write(`${address} is yours: ${proof}\n`);
  }
}

/** The addresses with at least one open port. */
async function reachableAddresses(
  addresses: readonly string[],
  ports: readonly number[],
): Promise<ReachableAddress[]> {
  const reachable = await Promise.all(
    addresses.map(async (address) => {
      const dialled = ports.map(async (port) => {
        const connection = await Connection.dial({ host: address, port, timeout: dialPatience });
        const localAddress = withoutZone(connection.localAddress);
        connection.close();
        return { address, localAddress };
      });
      await Promise.allSettled(dialled);
      return await Promise.any(dialled).catch(() => null);
    }),
  );
  return reachable.filter((reached) => reached !== null);
}

/** A progress line that is overwritten on a terminal; nothing if stderr is a file. */
class Progress {
  readonly #on = process.stderr.isTTY === true;

  show(text: string): void {
    if (this.#on) process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
  }

  note(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }

  clear(): void {
    if (this.#on) process.stderr.write('\r\x1b[K');
  }
}
