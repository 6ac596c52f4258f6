/** A certificate authority made by openssl, and OCSP responders: openssl's own, and scripted ones. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Owner } from './owner.ts';
import { type RunningProcess, runProcess, startProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

export interface Issued {
  /** The certificate and its issuer's, as PEM. */
  readonly cert: string;
  readonly key: string;
  readonly name: string;
  readonly serial: string;
}

export interface IssueOptions {
  /** Demands an OCSP response. @default true */
  readonly staple?: boolean;
  /** The responder's address; null: none. */
  readonly responder?: string | null;
  /** May sign responses. @default false */
  readonly signsResponses?: boolean;
  /** Names the key of its issuer; authorities of the same name can be told apart by it. @default true */
  readonly namesKey?: boolean;
  /** @default ec */
  readonly kind?: 'ec' | 'rsa';
  /** The file has the issuer's certificate too. @default true */
  readonly withIssuer?: boolean;
}

const openssl = (...args: readonly string[]): void =>
  void execFileSync('openssl', [...args], { stdio: 'pipe', timeout: 20_000 });
const keyOf = (kind: 'ec' | 'rsa'): string[] =>
  kind === 'rsa'
    ? ['-newkey', 'rsa:2048', '-nodes']
    : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

let made = 0;

export class Authority {
  readonly folder: string;
  readonly cert: string;
  readonly key: string;
  /** The database of `openssl ocsp`. */
  readonly index: string;
  readonly #status = new Map<string, string>();

  static async create(owner: Owner, kind: 'ec' | 'rsa' = 'ec'): Promise<Authority> {
    return new Authority(await tempDir(owner, 'authority'), kind);
  }

  private constructor(folder: string, kind: 'ec' | 'rsa') {
    this.folder = folder;
    [this.cert, this.key] = [join(folder, 'ca.pem'), join(folder, 'ca.key')];
    this.index = join(folder, 'index.txt');
    openssl(
      ...['req', '-x509', ...keyOf(kind), '-days', '3', '-subj', '/O=Sekisho/CN=Test CA'],
      ...['-keyout', this.key, '-out', this.cert],
    );
    this.#write();
  }

  issue(name: string, options: IssueOptions = {}): Issued {
    const {
      staple = true,
      responder = null,
      signsResponses = false,
      namesKey = true,
      kind = 'ec',
      withIssuer = true,
    } = options;
    const serial = (4096 + ++made).toString(16).toUpperCase();
    const [cert, key, csr, extensions] = ['pem', 'key', 'csr', 'cnf'].map((end) =>
      join(this.folder, `${serial}.${end}`),
    ) as [string, string, string, string];
    const lines = [
      `subjectAltName=DNS:${name}`,
      ...(staple ? ['tlsfeature=status_request'] : []),
      ...(responder === null ? [] : [`authorityInfoAccess=OCSP;URI:${responder}`]),
      ...(namesKey ? [] : ['authorityKeyIdentifier=none']),
      ...(signsResponses ? ['extendedKeyUsage=OCSPSigning'] : []),
    ];
    writeFileSync(extensions, `${lines.join('\n')}\n`);
    openssl('req', '-new', ...keyOf(kind), '-subj', `/CN=${name}`, '-keyout', key, '-out', csr);
    openssl(
      ...['x509', '-req', '-in', csr, '-CA', this.cert, '-CAkey', this.key, '-set_serial', `0x${serial}`],
      ...['-days', '2', '-extfile', extensions, '-out', cert],
    );
    if (withIssuer) writeFileSync(cert, readFileSync(cert, 'utf8') + readFileSync(this.cert, 'utf8'));
    const issued = { cert, key, name, serial };
    this.mark(issued, 'good');
    return issued;
  }

  /** Enters the status in the database. */
  mark({ serial, name }: Issued, status: 'good' | 'revoked' | 'unknown'): void {
    const about = `${serial}\tunknown\t/CN=${name}`;
    if (status === 'unknown') this.#status.delete(serial);
    else
      this.#status.set(
        serial,
        status === 'good' ? `V\t491231235959Z\t\t${about}` : `R\t491231235959Z\t250101000000Z\t${about}`,
      );
    this.#write();
  }

  #write(): void {
    writeFileSync(this.index, [...this.#status.values()].map((line) => `${line}\n`).join(''));
    writeFileSync(`${this.index}.attr`, 'unique_subject = no\n');
  }

  /** Which certificate signs; it must have a key. @default the authority's own */
  arguments(signer: { readonly cert: string; readonly key: string } = this): string[] {
    return ['-index', this.index, '-CA', this.cert, '-rsigner', signer.cert, '-rkey', signer.key];
  }

  /** openssl's response to a request. @param port of 127.0.0.1, or with an address @param more such as `-ndays 1` */
  async respond(
    request: Buffer,
    more: readonly string[] = ['-ndays', '1'],
    signer?: { readonly cert: string; readonly key: string },
  ): Promise<Buffer> {
    const file = join(this.folder, `exchange-${++made}`);
    writeFileSync(`${file}.req`, request);
    const args = [...this.arguments(signer), '-reqin', `${file}.req`, '-respout', `${file}.resp`, ...more];
    const { code, stderr } = await runProcess('openssl', ['ocsp', ...args]);
    if (code !== 0) throw new Error(stderr);
    return readFileSync(`${file}.resp`);
  }
}

/** `openssl ocsp`, answering on a loopback port. It answers with the database of its start, at times. */
export async function startResponder(
  owner: Owner,
  authority: Authority,
  port: number,
): Promise<RunningProcess> {
  const args = ['ocsp', '-port', String(port), ...authority.arguments(), '-ndays', '1'];
  const responder = await startProcess(owner, 'openssl', args);
  await responder.waitForLine(/ACCEPT|waiting for/i);
  return responder;
}

export interface ScriptedResponder {
  readonly url: string;
  /** How many requests arrived. */
  readonly asked: () => number;
}

/** @param answer gets the request's body; null: it has written to the response itself, or never answers */
export async function scriptedResponder(
  owner: Owner,
  answer: (request: Buffer, response: ServerResponse) => Promise<Buffer | null>,
): Promise<ScriptedResponder> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const body = await answer(Buffer.concat(chunks), response);
      if (body !== null) response.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked: () => asked };
}

/** What `openssl s_client -status` says of the stapled response: `good`, `none`, or its own words. @param more such as `-starttls smtp` */
export async function stapled(
  port: number | string,
  servername: string | null,
  more: readonly string[] = [],
): Promise<string> {
  const name = servername === null ? ['-noservername'] : ['-servername', servername];
  const args = [
    's_client',
    '-connect',
    typeof port === 'string' ? port : `127.0.0.1:${port}`,
    '-status',
    ...name,
    ...more,
  ];
  const { stdout, stderr } = await runProcess('openssl', args, { timeout: 20_000 });
  if (!stdout.includes('BEGIN CERTIFICATE')) throw new Error(stdout + stderr);
  if (stdout.includes('OCSP response: no response sent')) return 'none';
  return /Cert Status: (\w+)/.exec(stdout)?.[1] ?? stdout;
}
