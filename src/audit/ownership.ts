/**
 * Proof that the auditor owns a public server: the auditor's token in a file served at that address, or in a TXT record
 * of a name that the address's PTR record claims.
 */
import { randomBytes } from 'node:crypto';
import { resolveTxt, reverse } from 'node:dns/promises';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isComplete, statusOf } from './answer.ts';
import { bracketed } from './audit-context.ts';
import { Connection } from './connection.ts';

/** Path of the token file on the audited server. */
export const tokenPath = '/.well-known/sekisho-audit.txt';

/** Label of the TXT record, in front of the server's name. */
export const tokenLabel = '_sekisho-audit';

/** Milliseconds per request. */
const patience = 5_000;

export interface OwnershipQuestion {
  /** The audited address: the file is fetched from it, whatever the name resolves to. */
  readonly address: string;
  /** The value of `--i-own-this`. */
  readonly name: string;
  /** Ports to look for the file at. */
  readonly ports: readonly number[];
  readonly token: string;
}

export interface Resolver {
  readonly txt: (name: string) => Promise<readonly (readonly string[])[]>;
  readonly reverse: (address: string) => Promise<readonly string[]>;
}

const system: Resolver = { txt: resolveTxt, reverse };

/** The auditor's own token, created on first use. On a server, it says whose audit the owner allows. */
export async function ownToken(
  file = join(process.env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'sekisho', 'audit-token'),
): Promise<string> {
  try {
    const kept = (await readFile(file, 'utf8')).trim();
    if (/^sekisho-audit-[0-9a-f]{32}$/.test(kept)) return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const token = `sekisho-audit-${randomBytes(16).toString('hex')}`;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${token}\n`, { mode: 0o600 });
  return token;
}

/** How ownership was proven, in words; null if it was not. */
export async function proveOwnership(
  question: OwnershipQuestion,
  resolver: Resolver = system,
): Promise<string | null> {
  const proven = await Promise.all(question.ports.map((port) => fileProves(question, port)));
  const port = question.ports[proven.indexOf(true)];
  if (port !== undefined) return `token file at port ${port}`;
  return (await dnsProves(question, resolver)) ? `TXT record of ${tokenLabel}.${question.name}` : null;
}

async function fileProves({ address, name, token }: OwnershipQuestion, port: number): Promise<boolean> {
  for (const tls of [undefined, { servername: /[a-z]/i.test(name) && !name.includes(':') ? name : null }]) {
    let connection: Connection | null = null;
    try {
      connection = await Connection.dial({ host: address, port, tls, timeout: patience });
      const host = port === (tls === undefined ? 80 : 443) ? bracketed(name) : `${bracketed(name)}:${port}`;
      connection.send(
        `GET ${tokenPath} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: sekisho-audit\r\nConnection: close\r\n\r\n`,
      );
      const bytes = await connection.until((bytes) => isComplete(bytes) || bytes.length > 16_384, patience);
      // The request does not contain the token, so an echo proves nothing; redirects lead to other servers and are not followed.
      const body = bytes.toString('latin1').split('\r\n\r\n').slice(1).join('\n');
      if (statusOf(bytes) === 200 && body.split(/\s+/).includes(token)) return true;
    } catch {
      // Closed, not HTTP, or not TLS: no proof here.
    } finally {
      connection?.close();
    }
  }
  return false;
}

/**
 * A TXT record proves only who owns the name, and anyone can point their name at another's address. So the address must
 * claim the name too, in its PTR record.
 */
async function dnsProves({ address, name, token }: OwnershipQuestion, resolver: Resolver): Promise<boolean> {
  try {
    const claimed = (await resolver.reverse(address)).map((host) => host.toLowerCase().replace(/\.$/, ''));
    const lower = name.toLowerCase();
    if (!claimed.some((host) => host === lower || host.endsWith(`.${lower}`))) return false;
    const records = await resolver.txt(`${tokenLabel}.${name}`);
    return records.some((parts) => parts.join('').trim() === token);
  } catch {
    return false;
  }
}
