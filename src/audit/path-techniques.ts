/** Pages that fetch the URL in their path or a parameter: image proxies, link previews, `proxy_pass $arg_url`. */
import { type FetchTechnique, get, type RequestValues, row, url } from './fetch-techniques.ts';
import { AuditInputError } from './target.ts';

/** Most paths that a caller may give. */
const mostPaths = 50;

/** Common paths and parameters of such pages; the canary is appended after `=` or `/`. */
const commonPaths: readonly string[] = [
  ...[
    'url',
    'uri',
    'u',
    'q',
    'link',
    'src',
    'source',
    'target',
    'dest',
    'destination',
    'host',
    'upstream',
  ].map((parameter) => `/?${parameter}=`),
  ...['backend', 'proxy', 'redirect', 'callback', 'feed', 'image', 'page', 'file'].map(
    (parameter) => `/?${parameter}=`,
  ),
  ...['/proxy?url=', '/proxy/', '/api/proxy?url=', '/api/proxy/', '/proxy.php?url=', '/index.php?q='],
  ...['/fetch?url=', '/api/fetch?url=', '/preview?url=', '/oembed?url=', '/image?url=', '/img?src='],
  ...['/render?url=', '/screenshot?url=', '/pdf?url=', '/download?url=', '/cors/', '/cors?url=', '/http/'],
  ...[
    '/browse.php?u=',
    '/imaginary?url=',
    '/thumb?src=',
    '/unsafe/',
    '/plugins/servlet/gadgets/makeRequest?url=',
  ],
  '/_next/image?w=640&q=75&url=',
];

/** The forms in which a path names the canary; the name is part of the technique's id. */
const forms: readonly (readonly [name: string, text: (values: RequestValues) => string])[] = [
  ['URL', url],
  ['ENCODED-URL', (values) => encodeURIComponent(url(values))],
  ['HOST', ({ canary }) => canary],
];

/**
 * The techniques for these paths and the common ones. The canary replaces `{}`, or is appended to a path that ends in `=` or `/`;
 * other paths are tried with `?url=` and with `/`.
 *
 * @throws AuditInputError
 */
export function pathTechniques(given: readonly string[]): FetchTechnique[] {
  if (given.length > mostPaths)
    throw new AuditInputError(`--paths: ${given.length} paths; at most ${mostPaths}`);
  for (const path of given) {
    if (!/^\/[\x21-\x7e]*$/.test(path)) {
      throw new AuditInputError(
        `--paths ${JSON.stringify(path)}: a path begins with / and has no spaces: /proxy?url=, /fetch/, /get?u={}&w=9`,
      );
    }
  }
  const paths = new Set([...given, ...commonPaths].flatMap(completed));
  return [...paths].flatMap((path) =>
    forms
      // Only a query needs the URL encoded.
      .filter(([name]) => name !== 'ENCODED-URL' || path.includes('?'))
      .map(([name, text]) =>
        row(`url-in-path/${path.slice(1).replace('{}', name)}`, 'fetcher', (values) =>
          get(
            path.replace('{}', () => text(values)),
            values.own,
            values,
          ),
        ),
      ),
  );
}

function completed(path: string): string[] {
  if (path.includes('{}')) return [path];
  if (/[=/]$/.test(path)) return [`${path}{}`];
  return [`${path}${path.includes('?') ? '&' : '?'}url={}`, `${path}/{}`];
}
