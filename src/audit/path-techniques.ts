/** Pages that fetch what their path or a parameter names: image proxies, link previews, `proxy_pass $arg_url`. */
import { type FetchTechnique, get, type Place, row, url } from './fetch-techniques.ts';
import { AuditInputError } from './target.ts';

/** Paths that a caller may give. */
const mostPaths = 50;

/** What often fetches; `=` and `/` at the end are completed with the canary. */
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

/** A parameter that stands in a table of techniques names what it is completed with. */
const forms: readonly (readonly [name: string, text: (place: Place) => string])[] = [
  ['URL', url],
  ['ENCODED-URL', (place) => encodeURIComponent(url(place))],
  ['HOST', ({ canary }) => canary],
];

/**
 * The techniques for these paths and the common ones. A path that ends in `=` or `/` is completed, in others `{}` is replaced;
 * where there is none, `?url=` and `/` are tried behind it.
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
      // A path takes a URL as it is.
      .filter(([name]) => name !== 'ENCODED-URL' || path.includes('?'))
      .map(([name, text]) =>
        row(`url-in-path/${path.slice(1).replace('{}', name)}`, 'fetcher', (place) =>
          get(
            path.replace('{}', () => text(place)),
            place.own,
            place,
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
