/**
 * The folder of ACME. Every process that serves reads it, one writes: so a worker answers challenges of an order that another made,
 * and a new certificate is in use everywhere. Each file is replaced as a whole, key and chain in one, so no reader sees half a pair.
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** RFC 8555 section 8.1: base64url. The bound is that of file names, 255 bytes; authorities send 43 characters. */
const tokenForm = /^[\w-]{1,200}$/;
/** The longest that an order takes, milliseconds, and some more. */
const challengeLife = 600_000;
/** Of a file of ours, and of no other place. */
const fileForm = /^[\w-][\w.-]{0,250}\.(?:pem|token)$/;
const hostForm = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,126}$/;

/** The file of a host. The longest hosts make names that no file system takes. */
export const fileName = (host: string): string =>
  host.length <= 200
    ? `${host}.pem`
    : `${host.slice(0, 130)}.${createHash('sha256').update(host).digest('hex')}.pem`;

/** Key and chain of a host, in one file. */
export const certificateFile = (folder: string, host: string): string =>
  join(folder, 'certificates', fileName(host));

const tokenFile = (folder: string, token: string): string => join(folder, 'challenges', `${token}.token`);
const proofFile = (folder: string, host: string): string => join(folder, 'challenges', fileName(host));

/** The folders in `acme.folder`; nothing else in it is ours. */
export const ownFolders = ['accounts', 'certificates', 'challenges'] as const;

/** What answers an HTTP-01 challenge; null: nobody has ordered with such a token. */
export const tokenAnswer = (folder: string, token: string): string | null =>
  tokenForm.test(token) ? readOrNull(tokenFile(folder, token)) : null;

/** The certificate in a file of key and chain; null: there is none, or none that can be used with its key. */
export function certificateIn(pem: string | null): X509Certificate | null {
  if (pem === null) return null;
  try {
    const x509 = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')));
    return x509.checkPrivateKey(createPrivateKey(pem)) ? x509 : null;
  } catch {
    return null;
  }
}

/** Key and certificate that answer a TLS-ALPN-01 challenge for a host; null: nobody orders for it now. */
export const proofOf = (folder: string, host: string): string | null =>
  hostForm.test(host) ? readOrNull(proofFile(folder, host)) : null;

export class Store {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Makes the folders, and takes challenges of orders away that a restart cut short. Fresh ones may be of the program that this one is to
   * follow, which still orders.
   *
   * @throws Error where it can't be written
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
      throw new Error(`the authority sent a token that is none: ${JSON.stringify(token.slice(0, 80))}`);
    write(tokenFile(this.folder, token), answer);
  }

  saveProof(host: string, pem: string): void {
    write(proofFile(this.folder, host), pem);
  }

  /** Names and texts of the files of one of the folders. */
  files(folder: (typeof ownFolders)[number]): Readonly<Record<string, string>> {
    const names = readdirSync(join(this.folder, folder)).filter((name) => fileForm.test(name));
    return Object.fromEntries(
      names
        .map((name) => [name, readOrNull(join(this.folder, folder, name)) ?? ''])
        .filter(([, text]) => text !== ''),
    );
  }

  /** @throws Error where the name is none that is given here */
  saveFile(folder: (typeof ownFolders)[number], name: string, text: string): void {
    if (!fileForm.test(name)) throw new Error(`${JSON.stringify(name.slice(0, 80))} is no file of ACME`);
    write(join(this.folder, folder, name), text);
  }

  removeFile(folder: (typeof ownFolders)[number], name: string): void {
    if (fileForm.test(name)) rmSync(join(this.folder, folder, name), { force: true });
  }

  removeChallenge(host: string, token: string): void {
    if (tokenForm.test(token)) rmSync(tokenFile(this.folder, token), { force: true });
    rmSync(proofFile(this.folder, host), { force: true });
  }

  /** The key of the account with an authority, PEM; made once and kept. */
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

/** Null: it is not there, or can't be read: clients that ask for it get what they get without it. */
function readOrNull(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
