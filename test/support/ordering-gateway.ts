/** The program in its own process, with certificates that it orders by ACME. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { root } from './gateway-process.ts';
import type { Owner } from './owner.ts';
import type { Pebble } from './pebble.ts';
import { type RunningProcess, startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

/** The host of its site. */
export const host = 'www.example.net';

export interface OrderingGateway {
  readonly folder: string;
  readonly config: string;
  readonly process: RunningProcess;
  readonly admin: number;
  /** Replaces the config and reloads. */
  change(how: (yaml: string) => string): Promise<void>;
}

export const token = 'a-token-of-twenty-characters';

/** @param listen the line of the config @param more further lines @param folder of the config. @default a new one @param ofAcme further words of `acme` @param ofAdmin of `admin` */
export async function startOrdering(
  owner: Owner,
  listen: string,
  more = '',
  folder = '',
  ofAcme = '',
  ofAdmin = '',
): Promise<OrderingGateway> {
  const home = folder === '' ? await tempDir(owner, 'acme') : folder;
  const config = join(home, 'sekisho.yaml');
  const admin = await freePort();
  await writeFile(
    config,
    `${listen}\nsites: [{ hosts: [${host}, "*.shop.example.net", 192.0.2.80], backend: welcome }]\nadmin: { listen: "127.0.0.1:${admin}", token: ${token}${ofAdmin} }\nacme: { folder: ./certs${ofAcme} }\n${more}`,
  );
  const process_ = await startProcess(owner, process.execPath, ['src/cli.ts', 'start', '--config', config], {
    cwd: root,
  });
  await process_.waitForLine(/^listening admin/, 30_000);
  const change = async (how: (yaml: string) => string): Promise<void> => {
    await writeFile(config, how(await readFile(config, 'utf8')));
    process_.signal('SIGHUP');
  };
  return { folder: join(home, 'certs'), config, process: process_, admin, change };
}

/** `tls` with certificates of this authority. */
export const acme = ({ directory, ca }: Pebble, more = ''): string =>
  `{ acme: { email: admin@example.net, terms: agreed, directory: "${directory}", ca: "${ca}"${more} } }`;

export interface Shown {
  readonly issuer: string;
  readonly names: string;
  readonly serial: string;
}

/** Issuer of the certificate shown for a name; null: no handshake. */
export function shownAt(port: number, servername = host): Promise<Shown | null> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      const shown = socket.getPeerCertificate();
      resolve({
        issuer: String(shown.issuer.CN),
        names: shown.subjectaltname ?? '',
        serial: shown.serialNumber,
      });
      socket.destroy();
    });
    socket.on('error', () => resolve(null));
  });
}

/** Waits for one. */
export async function issued(port: number, servername = host): Promise<Shown> {
  let shown: Shown | null = null;
  const look = async (): Promise<boolean> => {
    shown = await shownAt(port, servername);
    return shown?.names === `DNS:${servername}`;
  };
  await eventually(look, `a certificate of ${servername}`, 30_000);
  return shown!;
}

export async function statusOf({ admin }: OrderingGateway): Promise<{
  certificates: { host: string; notAfter: string | null; trouble: string | null }[];
}> {
  const answer = await fetch(`http://127.0.0.1:${admin}/api/status`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  return (await answer.json()) as never;
}
