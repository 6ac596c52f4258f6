/**
 * The ACME folder. One process writes it and every serving process reads it: so any worker can answer the challenges of an order,
 * and all use a new certificate. Files are replaced atomically, with key and chain in one, so no reader sees a mismatched pair.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** RFC 8555 section 8.1: base64url. Tokens become file names, which have at most 255 bytes; authorities send 43 characters. */
const tokenForm = /^[\w-]{1,200}$/;
/** Milliseconds after which a challenge is a leftover of an interrupted order: twice the time limit of an order. */
const challengeLife = 600_000;
/** A file name without a path. */
const fileForm = /^[\w-][\w.-]{0,250}\.(?:pem|token)$/;
const hostForm = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,126}$/;

/** The file name for a host. Hosts too long for a file name are shortened with a hash. */
export const fileName = (host: string): string =>
  host.length <= 200
    ? `${host}.pem`
    : `${host.slice(0, 130)}.${createHash('sha256').update(host).digest('hex')}.pem`;

/** Key and chain of a host, in one file. */
export const certificateFile = (folder: string, host: string): string =>
  join(folder, 'certificates', fileName(host));

const tokenFile = (folder: string, token: string): string => join(folder, 'challenges', `${token}.token`);
const proofFile = (folder: string, host: string): string => join(folder, 'challenges', fileName(host));

/** The program's folders in `acme.folder`. */
export const ownFolders = ['accounts', 'certificates', 'challenges'] as const;

/** The answer to an HTTP-01 challenge; null: no order has this token. */
export const tokenAnswer = (folder: string, token: string): string | null =>
  tokenForm.test(token) ? readOrNull(tokenFile(folder, token)) : null;

/** The certificate in a file of key and chain; null: there is none, or it does not match its key. */
export function certificateIn(pem: string | null): X509Certificate | null {
  if (pem === null) return null;
  try {
    const x509 = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')));
    return x509.checkPrivateKey(createPrivateKey(pem)) ? x509 : null;
  } catch {
    return null;
  }
}

/** Key and certificate that answer a TLS-ALPN-01 challenge for a host; null: no order for it is in progress. */
export const proofOf = (folder: string, host: string): string | null =>
  hostForm.test(host) ? readOrNull(proofFile(folder, host)) : null;

export class AcmeFolder {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Creates the folders, and deletes challenges left over from interrupted orders. Fresh ones are kept: the process that this one
   * replaces may still be ordering.
   *
   * @throws Error if the folder can't be written
   */
  open(): void {
    for (const name of ownFolders) mkdirSync(join(this.folder, name), { recursive: true, mode: 0o700 });
    const challenges = join(this.folder, 'challenges');
    for (const file of readdirSync(challenges).map((name) => join(challenges, name)))
      if (Date.now() - statSync(file).mtimeMs > challengeLife) rmSync(file, { force: true });
  }

  certificate(host: string): string | null {
    return readOrNull(certificateFile(this.folder, host));
  }

  saveCertificate(host: string, pem: string): void {
    write(certificateFile(this.folder, host), pem);
  }

  saveToken(token: string, answer: string): void {
    if (!tokenForm.test(token))
      throw new Error(`the authority sent an invalid token: ${JSON.stringify(token.slice(0, 80))}`);
    write(tokenFile(this.folder, token), answer);
  }

  saveProof(host: string, pem: string): void {
    write(proofFile(this.folder, host), pem);
  }

  /** Names and texts of the files in one of the folders. */
  files(folder: (typeof ownFolders)[number]): Readonly<Record<string, string>> {
    const names = readdirSync(join(this.folder, folder)).filter((name) => fileForm.test(name));
    return Object.fromEntries(
      names
        .map((name) => [name, readOrNull(join(this.folder, folder, name)) ?? ''])
        .filter(([, text]) => text !== ''),
    );
  }

  /** @throws Error if the name is not one of an ACME file */
  saveFile(folder: (typeof ownFolders)[number], name: string, text: string): void {
    if (!fileForm.test(name)) throw new Error(`${JSON.stringify(name.slice(0, 80))} is not an ACME file`);
    write(join(this.folder, folder, name), text);
  }

  removeFile(folder: (typeof ownFolders)[number], name: string): void {
    if (fileForm.test(name)) rmSync(join(this.folder, folder, name), { force: true });
  }

  removeChallenge(host: string, token: string): void {
    if (tokenForm.test(token)) rmSync(tokenFile(this.folder, token), { force: true });
    rmSync(proofFile(this.folder, host), { force: true });
  }

  /** The account key for an authority, PEM; created on first use. */
  accountKey(directory: string, email: string | null, make: () => string): string {
    const id = createHash('sha256')
      .update(`${directory} ${email ?? ''}`)
      .digest('hex')
      .slice(0, 16);
    const file = join(this.folder, 'accounts', `${id}.pem`);
    const known = readOrNull(file);
    if (known !== null) return known;
    const made = make();
    write(file, made);
    return made;
  }

  readState(): unknown {
    try {
      return JSON.parse(readOrNull(join(this.folder, 'accounts', 'state.json')) ?? 'null');
    } catch {
      return null;
    }
  }

  saveState(state: unknown): void {
    write(join(this.folder, 'accounts', 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
  }
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.${process.pid}.new`;
  writeFileSync(next, text, { mode: 0o600, flush: true });
  renameSync(next, file);
}

/** Null: the file is missing or can't be read. */
function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
