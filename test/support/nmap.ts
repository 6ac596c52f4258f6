/** nmap, as people scan for open relays. */
import { requirePeer } from './peers.ts';
import { runProcess } from './process.ts';

export interface NmapOptions {
  port: number;
  /** @default '127.0.0.1' */
  host?: string;
  /** Name of the script, such as `http-open-proxy`; it runs whatever the port's number. */
  script: string;
  /**
   * Script arguments. `http-open-proxy` looks at www.google.com unless it is given `proxy.url` and, matched against
   * each line of a 200, 301 or 302 answer without regard to case, the Lua pattern `proxy.pattern`. Its CONNECT
   * test always goes to port 80 of that URL's host and believes any 200.
   */
  args?: Readonly<Record<string, string>>;
  /** Address of the name server that scripts ask. @default the system's */
  nameServer?: string;
  /** Milliseconds. @default 60000 */
  timeout?: number;
}

export interface NmapReport {
  /** `open`, `closed`, `filtered` */
  readonly state: string;
  /** Output by script id, only of scripts that found something. */
  readonly scripts: ReadonlyMap<string, string>;
  readonly xml: string;
}

/** Runs one script against one port. @throws where nmap fails or takes too long */
export async function nmap(options: NmapOptions): Promise<NmapReport> {
  const timeout = options.timeout ?? 60_000;
  const args = Object.entries(options.args ?? {}).map(([name, value]) => `${name}="${value}"`);
  const command = [
    ...['-n', '-Pn', '-sT', '-T4', '-p', String(options.port), '--host-timeout', `${timeout}ms`],
    ...['--script', `+${options.script}`, ...(args.length > 0 ? ['--script-args', args.join(',')] : [])],
    ...(options.nameServer === undefined ? [] : ['--dns-servers', options.nameServer]),
    ...['-oX', '-', options.host ?? '127.0.0.1'],
  ];
  const result = await runProcess(requirePeer('nmap'), command, { timeout: timeout + 5_000 });
  if (result.code !== 0 || result.stdout.includes('timedout="true"')) {
    throw new Error(`nmap ${command.join(' ')} failed: ${result.stderr}${result.stdout}`);
  }
  return parseReport(result.stdout);
}

/** Runs scripts against several ports of 127.0.0.1 at once: output by script id, by port. @throws like {@link nmap} */
export async function nmapPorts(options: {
  readonly ports: readonly number[];
  readonly scripts: readonly string[];
  readonly args?: Readonly<Record<string, string>>;
  readonly nameServer: string;
}): Promise<ReadonlyMap<number, ReadonlyMap<string, string>>> {
  const args = Object.entries(options.args ?? {}).map(([name, value]) => `${name}="${value}"`);
  const command = [
    ...['-n', '-Pn', '-sT', '-T4', '-p', options.ports.join()],
    ...['--script', options.scripts.map((script) => `+${script}`).join()],
    ...(args.length > 0 ? ['--script-args', args.join()] : []),
    ...['--dns-servers', options.nameServer, '-oX', '-', '127.0.0.1'],
  ];
  const { code, stdout, stderr } = await runProcess(requirePeer('nmap'), command, { timeout: 100_000 });
  if (code !== 0) throw new Error(`nmap ${command.join(' ')} failed: ${stderr}${stdout}`);
  const blocks = [...stdout.matchAll(/<port [^>]*portid="(\d+)".*?<\/port>/gs)];
  return new Map(blocks.map(([xml, port]) => [Number(port), parseReport(xml).scripts]));
}

/** Reads what `-oX` writes for a single port. */
export function parseReport(xml: string): NmapReport {
  // A script that found nothing may still be listed without output.
  const scripts = [...xml.matchAll(/<script id="([^"]*)" output="([^"]+)"/g)].map(
    ([, id, output]) => [id!, unescapeXml(output!)] as const,
  );
  return { state: /<state state="([^"]*)"/.exec(xml)?.[1] ?? 'unknown', scripts: new Map(scripts), xml };
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return entities[name] ?? whole;
  });
}
