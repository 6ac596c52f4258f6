/** The web server of this machine, as its configuration tells: what it is, the names it answers to, where it listens. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CertificateFiles } from '../listener/certificates.ts';

export interface FoundListen {
  readonly file: string;
  readonly line: string;
  readonly port: number;
  /** It speaks TLS: by its words, or since 443 is for nothing else. */
  readonly secure: boolean;
  /** Other machines reach it. */
  readonly open: boolean;
}

export interface FoundServer {
  readonly kind: 'apache' | 'nginx';
  /** Names of its virtual hosts, without wildcards and catch-alls. */
  readonly names: readonly string[];
  /** Files that say where it listens, with the line. */
  readonly listens: readonly FoundListen[];
  /** Its certificates, with their keys: those that can be read and belong together. */
  readonly certificates: readonly CertificateFiles[];
}

const kinds = [
  {
    kind: 'apache',
    files: [
      ...['apache2/apache2.conf', 'apache2/ports.conf', 'apache2/sites-enabled/*', 'apache2/conf-enabled/*'],
      ...['httpd/conf/httpd.conf', 'httpd/conf.d/*.conf'],
    ],
    name: /^\s*Server(?:Name|Alias)\s+(.+)$/gim,
    cert: /^\s*SSLCertificateFile\s+"?([^"\s]+)/gim,
    key: /^\s*SSLCertificateKeyFile\s+"?([^"\s]+)/gim,
    folder: 'apache2',
    listen: /^[ \t]*(?:Listen\s+(?:\S*:)?(\d+)\b.*|<VirtualHost\s+\S+:(\d+)>)[ \t]*$/gim,
  },
  {
    kind: 'nginx',
    files: ['nginx/nginx.conf', 'nginx/sites-enabled/*', 'nginx/conf.d/*.conf'],
    name: /(?<=^|[{;])\s*server_name\s+([^;]+);/gim,
    cert: /(?<=^|[{;])\s*ssl_certificate\s+"?([^"\s;]+)/gim,
    key: /(?<=^|[{;])\s*ssl_certificate_key\s+"?([^"\s;]+)/gim,
    folder: 'nginx',
    listen: /(?<=^|[{;])\s*listen\s+(?:[^\s;]*:)?(\d+)\b[^;]*;/gim,
  },
] as const;

/**
 * @param etc where configurations are
 * @returns Apache, nginx, both or none
 */
export function findServers(etc = '/etc'): FoundServer[] {
  return kinds.flatMap(({ kind, files, name, listen, cert, key, folder }) => {
    const texts = files
      .flatMap((pattern) => globSync(pattern, { cwd: etc }).sort())
      .map((file) => ({
        file: join(etc, file),
        text: live(etc, read(join(etc, file)).replace(/#.*$/gm, '')),
      }));
    if (texts.length === 0) return [];
    const names = texts.flatMap(({ text }) =>
      [...text.matchAll(name)].flatMap(([, words]) => words!.trim().split(/\s+/)),
    );
    const listens = texts.flatMap(({ file, text }) =>
      [...text.matchAll(listen)].map(([line, port, other]) =>
        found(file, line.trim(), Number(port ?? other)),
      ),
    );
    const named = (text: string, which: RegExp) =>
      [...text.matchAll(which)].map(([, value]) => resolve(etc, folder, value!));
    const pairs = texts.flatMap(({ text }) => pairsOf(named(text, cert), named(text, key)));
    const certificates = [...new Map(pairs.map((pair) => [pair.cert, pair])).values()];
    const own = [...new Set(names.map(plainName).filter((one) => one !== ''))];
    return [{ kind, names: own, listens, certificates }];
  });
}

/** Debian's ports.conf names 443 for modules that are not loaded: nothing listens there then. */
function live(etc: string, text: string): string {
  const loaded = globSync('*.load', { cwd: join(etc, 'apache2/mods-enabled') });
  if (loaded.length === 0 || loaded.includes('ssl.load') || loaded.includes('gnutls.load')) return text;
  return text.replace(/<IfModule\s+(?:ssl_module|mod_ssl\.c|mod_gnutls\.c)>[\s\S]*?<\/IfModule>/gi, '');
}

const found = (file: string, line: string, port: number): FoundListen => ({
  file,
  line,
  port,
  secure: port === 443 || (/^listen\b/i.test(line) && /\s(?:ssl|https)\b/i.test(line)),
  open: !/\s(?:127\.|\[::1\]|localhost:)/i.test(line),
});

/** Apache takes a key out of the file of its certificate as well. */
function pairsOf(certs: readonly string[], keys: readonly string[]): CertificateFiles[] {
  if (keys.length !== 0 && keys.length !== certs.length) return [];
  return certs.map((cert, at) => ({ cert, key: keys[at] ?? cert })).filter(belongTogether);
}

function belongTogether({ cert, key }: CertificateFiles): boolean {
  try {
    return new X509Certificate(readFileSync(cert)).checkPrivateKey(createPrivateKey(readFileSync(key)));
  } catch {
    return false;
  }
}

/**
 * A line that says where the server listens, with another place in it; null: it is to go, since the other place is of
 * another family of addresses.
 *
 * @param to `ADDR:PORT`
 */
export function movedLine(line: string, to: string): string | null {
  if (/^<VirtualHost/i.test(line)) return line.replace(/:\d+>$/, `:${to.slice(to.lastIndexOf(':') + 1)}>`);
  if (/\[/.test(line) && !to.startsWith('[')) return null;
  return line.replace(/^(\w+\s+)[^\s;]+/, `$1${to}`);
}

/** A name that visitors use; empty for what is none: `_`, a wildcard, a regular expression, a scheme before it. */
function plainName(word: string): string {
  const name = word.replace(/^https?:\/\//, '').replace(/:\d+$/, '');
  return /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(name) && name.includes('.') ? name.toLowerCase() : '';
}

/** A file that can't be read tells nothing: its owner is asked anyway. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
