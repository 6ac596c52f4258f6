/** Reads the configuration of the web server on this machine: its kind, its host names, and where it listens. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import type { CertificateFiles } from '../listener/certificates.ts';

export interface FoundListen {
  readonly file: string;
  readonly line: string;
  readonly port: number;
  /** It speaks TLS: the line says so, or the port is 443. */
  readonly secure: boolean;
  /** Other machines can reach it. */
  readonly open: boolean;
}

export interface FoundServer {
  readonly kind: 'apache' | 'nginx';
  /** Names of its virtual hosts, except wildcards and catch-alls. */
  readonly names: readonly string[];
  /** The lines that say where it listens. */
  readonly listens: readonly FoundListen[];
  /** Its certificates with their keys: those that are readable and match. */
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
    include: /^\s*Include(?:Optional)?\s+"?([^"\s]+)/gim,
    folder: 'apache2',
    listen: /^[ \t]*(?:Listen\s+(?:\S*:)?(\d+)\b.*|<VirtualHost\s+\S+:(\d+)>)[ \t]*$/gim,
  },
  {
    kind: 'nginx',
    files: ['nginx/nginx.conf', 'nginx/sites-enabled/*', 'nginx/conf.d/*.conf'],
    name: /(?<=^|[{;])\s*server_name\s+([^;]+);/gim,
    cert: /(?<=^|[{;])\s*ssl_certificate\s+"?([^"\s;]+)/gim,
    key: /(?<=^|[{;])\s*ssl_certificate_key\s+"?([^"\s;]+)/gim,
    include: /(?<=^|[{;])\s*include\s+"?([^"\s;]+)/gim,
    folder: 'nginx',
    listen: /(?<=^|[{;])\s*listen\s+(?:[^\s;]*:)?(\d+)\b[^;]*;/gim,
  },
] as const;

/**
 * @param etc the folder with the configurations
 * @returns Apache, nginx, both or none
 */
export function findServers(etc = '/etc'): FoundServer[] {
  return kinds.flatMap(({ kind, files, include, name, listen, cert, key, folder }) => {
    const texts = filesOf(etc, files, include).map((file) => ({ file, text: active(etc, read(file)) }));
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

/** The most files read of one server. */
const mostFiles = 500;

/** The files, and those that they include: certificates are often in a snippet. */
function filesOf(etc: string, patterns: readonly string[], include: RegExp): string[] {
  const files = new Set(
    patterns.flatMap((pattern) => globSync(pattern, { cwd: etc }).sort()).map((file) => join(etc, file)),
  );
  // Also visits what is added meanwhile.
  for (const file of files) {
    const [folder = ''] = relative(etc, file).split(sep);
    for (const [, name] of read(file).matchAll(include)) {
      const pattern = name!.startsWith('/etc/') ? join(etc, name!.slice(5)) : resolve(etc, folder, name!);
      for (const one of globSync(pattern).sort()) if (files.size < mostFiles) files.add(one);
    }
  }
  return [...files];
}

/** Removes the listen lines for TLS modules that are not loaded: Debian's ports.conf names 443 for them, but nothing listens there. */
function active(etc: string, text: string): string {
  const loaded = globSync('*.load', { cwd: join(etc, 'apache2/mods-enabled') });
  if (loaded.length === 0 || loaded.includes('ssl.load') || loaded.includes('gnutls.load')) return text;
  return text.replace(/<IfModule\s+(?:ssl_module|mod_ssl\.c|mod_gnutls\.c)>[\s\S]*?<\/IfModule>/gi, '');
}

const found = (file: string, line: string, port: number): FoundListen => ({
  file,
  line,
  port,
  secure: port === 443 || (/^listen\b/i.test(line) && /\s(?:ssl|quic|https)\b/i.test(line)),
  open: !/\s(?:127\.|\[::1\]|localhost:)/i.test(line),
});

/** Without a key file Apache takes the key from the certificate file. */
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
 * A listen line with another address; null: the line has to be removed, because the new address belongs to the other IP version.
 *
 * @param to `ADDR:PORT`
 */
export function movedLine(line: string, to: string): string | null {
  if (/^<VirtualHost/i.test(line)) return line.replace(/:\d+>$/, `:${to.slice(to.lastIndexOf(':') + 1)}>`);
  if (/\[/.test(line) && !to.startsWith('[')) return null;
  return line.replace(/^(\w+\s+)[^\s;]+/, `$1${to}`);
}

/** A host name, without scheme and port; empty if it is none, such as `_`, a wildcard or a regular expression. */
function plainName(word: string): string {
  const name = word.replace(/^https?:\/\//, '').replace(/:\d+$/, '');
  return /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i.test(name) && name.includes('.') ? name.toLowerCase() : '';
}

/** A file without its comments. An unreadable file counts as empty: the operator is asked for the answers anyway. */
function read(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/#.*$/gm, '');
  } catch {
    return '';
  }
}
