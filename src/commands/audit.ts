import { parseIp, withoutZone } from '../address/ip.ts';
import { specialRange } from '../address/special-ranges.ts';
import { audit } from '../audit/audit.ts';
import { Canary } from '../audit/canary.ts';
import { Connection } from '../audit/connection.ts';
import type { Finding } from '../audit/finding.ts';
import { ownToken, proveOwnership, tokenLabel, tokenPath } from '../audit/ownership.ts';
import { report, verdictLine } from '../audit/report.ts';
import {
  AuditInputError,
  addressesOf,
  defaultPorts,
  isNear,
  parsePorts,
  parseTarget,
  type Target,
} from '../audit/target.ts';
import type { AuditOptions, Command } from './options.ts';

/** Milliseconds for the whole audit. */
const wholeAudit = 15 * 60_000;
/** Connections to one port; all techniques together need fewer. */
const connectionsPerPort = 200;
/** Milliseconds to find out whether a port is open, before anything is tried. */
const dialPatience = 2_000;

/** `sekisho audit`: whether the caller's own server relays. */
export const run: Command<AuditOptions> = async (options) => {
  try {
    return await auditTarget(options);
  } catch (error) {
    if (!(error instanceof AuditInputError)) throw error;
    process.stderr.write(`sekisho audit: ${error.message}\n`);
    return 1;
  }
};

async function auditTarget(options: AuditOptions): Promise<number> {
  const target = parseTarget(options.target);
  const name = options.host === undefined ? target.name : parseTarget(options.host).name;
  const ports = portsOf(target, options);
  const patience = number('--timeout', options.timeout ?? '4', 0.1, 60) * 1_000;
  const addresses = await addressesOf(target.name);
  await demandOwnership(options, target, addresses, ports);
  const face = await firstOpen(addresses, ports);
  const canary = await openCanary(options, face.localAddress);
  const pace = number(
    '--pace',
    options.pace ?? (specialRange(face.address) === 'loopback' ? '0' : '50'),
    0,
    60_000,
  );
  const progress = new Progress();
  const findings: Finding[] = [];
  const abort = new AbortController();
  const stop = () => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const found = audit({
      address: face.address,
      ports,
      name,
      canary,
      bounds: {
        patience,
        pace,
        connections: ports.length * connectionsPerPort,
        signal: AbortSignal.any([abort.signal, AbortSignal.timeout(wholeAudit)]),
      },
      onProgress: (port, technique, done, of) => progress.show(`${port}  ${done}/${of}  ${technique}`),
      onNote: (port, note) => progress.note(`${target.name} port ${port}: ${note}`),
    });
    for await (const finding of found) {
      findings.push(finding);
      if (!options.json) continue;
      progress.clear();
      process.stdout.write(`${JSON.stringify(finding)}\n`);
    }
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    progress.clear();
    await canary.close();
  }
  if (options.json) process.stderr.write(`${verdictLine(options.target, findings)}\n`);
  else {
    const { isTTY, columns } = process.stdout;
    process.stdout.write(
      report(options.target, findings, { color: isTTY && !process.env.NO_COLOR, width: columns ?? 100 }),
    );
  }
  const relays = findings.some(({ result }) => result === 'relays');
  return relays || findings.length === 0 ? 1 : 0;
}

function portsOf(target: Target, { port }: AuditOptions): readonly number[] {
  const more = port === undefined ? [] : parsePorts(port);
  const asked = [...(target.port === null ? [] : [target.port]), ...more];
  return asked.length === 0 ? defaultPorts : [...new Set(asked)];
}

function number(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
  throw new AuditInputError(`${option} ${JSON.stringify(text)}: give a number from ${least} to ${most}`);
}

/** Somebody else's server is not audited: the owner must have put our token there. */
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
      `${name} (${far[0]}) is neither a loopback nor a private address. An audit of somebody else's server is an attack: if it is yours, say so with --i-own-this NAME and prove it as that will tell`,
    );
  }
  const owned = parseTarget(iOwnThis).name;
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
          `  add a TXT record ${tokenLabel}.${owned} with this text, where the PTR record of ${address} names ${owned} too: ${token}`,
        ].join('\n'),
      );
    }
    process.stderr.write(`${address} is yours: ${proof}\n`);
  }
}

interface Face {
  readonly address: string;
  /** The address of ours that the server sees. */
  readonly localAddress: string;
}

/** Of a name's addresses, the first at which a port is open. */
async function firstOpen(addresses: readonly string[], ports: readonly number[]): Promise<Face> {
  for (const address of addresses) {
    for (const port of ports) {
      try {
        const connection = await Connection.dial({ host: address, port, timeout: dialPatience });
        const localAddress = withoutZone(connection.localAddress);
        connection.close();
        return { address, localAddress };
      } catch {
        // Closed; the audit tells it again, by port.
      }
    }
  }
  throw new AuditInputError(`nothing accepts at ${addresses.join(', ')}, port ${ports.join(', ')}`);
}

async function openCanary({ canary, canaryListen }: AuditOptions, localAddress: string): Promise<Canary> {
  try {
    if (canary === undefined) {
      const listen = canaryListen === undefined ? null : place('--canary-listen', canaryListen);
      return await Canary.open({ listen: listen?.host ?? localAddress, port: listen?.port });
    }
    const name = place('--canary', canary);
    const external = { host: name.host, externalPort: name.port };
    if (canaryListen !== undefined) {
      const listen = place('--canary-listen', canaryListen);
      return await Canary.open({ listen: listen.host, port: listen.port, ...external });
    }
    try {
      return await Canary.open({ listen: name.host, port: name.port, ...external });
    } catch (error) {
      // The name of a router that passes the port on to us.
      if (!['EADDRNOTAVAIL', 'ENOTFOUND'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      const any = parseIp(name.host)?.family === 6 ? '::' : '0.0.0.0';
      return await Canary.open({ listen: any, port: name.port, ...external });
    }
  } catch (error) {
    if (error instanceof AuditInputError) throw error;
    throw new AuditInputError(
      `the canary cannot listen (${(error as Error).message}); choose another port with --canary or --canary-listen`,
      { cause: error },
    );
  }
}

function place(option: string, text: string): { host: string; port: number } {
  const { name, port } = parseTarget(text);
  if (port === null)
    throw new AuditInputError(`${option} ${JSON.stringify(text)} has no port: give ADDR:PORT`);
  return { host: name, port };
}

/** One line on a terminal, written over; nothing where stderr is a file. */
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
