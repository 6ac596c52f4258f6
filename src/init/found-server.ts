/** The web server of this machine, as its configuration tells: what it is, the names it answers to, where it listens. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface FoundServer {
  readonly kind: 'apache' | 'nginx';
  /** Names of its virtual hosts, without wildcards and catch-alls. */
  readonly names: readonly string[];
  /** Files that say where it listens, with the line. */
  readonly listens: readonly { readonly file: string; readonly line: string; readonly port: number }[];
}

const kinds = [
  {
    kind: 'apache',
    files: [
      ...['apache2/apache2.conf', 'apache2/ports.conf', 'apache2/sites-enabled/*', 'apache2/conf-enabled/*'],
      ...['httpd/conf/httpd.conf', 'httpd/conf.d/*.conf'],
    ],
    name: /^\s*Server(?:Name|Alias)\s+(.+)$/gim,
    listen: /^[ \t]*(?:Listen\s+(?:\S*:)?(\d+)\b.*|<VirtualHost\s+\S+:(\d+)>)[ \t]*$/gim,
  },
  {
    kind: 'nginx',
    files: ['nginx/nginx.conf', 'nginx/sites-enabled/*', 'nginx/conf.d/*.conf'],
    name: /(?<=^|[{;])\s*server_name\s+([^;]+);/gim,
    listen: /(?<=^|[{;])\s*listen\s+(?:[^\s;]*:)?(\d+)\b[^;]*;/gim,
  },
] as const;

/**
 * @param etc where configurations are
 * @returns null where there is neither Apache nor nginx; Apache where there are both
 */
export function findServer(etc = '/etc'): FoundServer | null {
  for (const { kind, files, name, listen } of kinds) {
    const texts = files
      .flatMap((pattern) => globSync(pattern, { cwd: etc }).sort())
      .map((file) => ({ file: join(etc, file), text: read(join(etc, file)).replace(/#.*$/gm, '') }));
    if (texts.length === 0) continue;
    const names = texts.flatMap(({ text }) =>
      [...text.matchAll(name)].flatMap(([, words]) => words!.trim().split(/\s+/)),
    );
    const listens = texts.flatMap(({ file, text }) =>
      [...text.matchAll(listen)].map(([line, port, other]) => ({
        file,
        line: line.trim(),
        port: Number(port ?? other),
      })),
    );
    return { kind, names: [...new Set(names.map(plainName).filter((one) => one !== ''))], listens };
  }
  return null;
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
