/** The answers of decoys, all of them refusals: the bytes, and the code recorded in the probe's event. */
import type { Answer } from '../rules/catalogue.ts';

export interface Refusal {
  /** Empty: close without a byte. */
  readonly bytes: Buffer;
  /** The code in these bytes, in their protocol; `drop`: no bytes. */
  readonly answer: Answer;
}

export const none = Buffer.alloc(0);
/** Closes without a byte. */
export const dropped: Refusal = { bytes: none, answer: 'drop' };

/** RFC 1928 section 3: no acceptable method. */
export const noMethod: Refusal = { bytes: Buffer.from([5, 0xff]), answer: 0xff };
/** RFC 1929 section 2: any status but 0 refuses. */
export const passwordRefused: Refusal = { bytes: Buffer.from([1, 1]), answer: 1 };
/** RFC 1928 section 6: connection not allowed by ruleset. */
export const socks5Refused: Refusal = { bytes: Buffer.from([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]), answer: 2 };
/** SOCKS4: request rejected or failed. */
export const socks4Refused: Refusal = { bytes: Buffer.from([0, 0x5b, 0, 0, 0, 0, 0, 0]), answer: 0x5b };

/** The proxy that a refusal over HTTP imitates. */
export type Skin = 'squid' | 'ccproxy' | '3proxy' | 'plain';

/** Refuses a proxy request. @param connect whether it was a CONNECT */
export type RefuseHttp = (connect: boolean) => Refusal;

/**
 * The refusals of a decoy over HTTP.
 *
 * @param realm of the 407 that asks for credentials (RFC 9110 section 11.7.1), which are never accepted; null: 403
 * @param clock milliseconds since the epoch
 */
export function httpRefusals(skin: Skin, realm: string | null, clock: () => number = Date.now): RefuseHttp {
  const write = writers[skin];
  const made = new Map<boolean, { second: number; refusal: Refusal }>();
  // Built once a second and shared: the tarpit keeps the bytes for each connection it holds.
  return (connect) => {
    const second = Math.floor(clock() / 1000);
    const known = made.get(connect);
    if (known?.second === second) return known.refusal;
    const text = write({ connect, realm, date: new Date(second * 1000).toUTCString() });
    const refusal = { bytes: Buffer.from(text, 'latin1'), answer: Number(text.slice(9, 12)) };
    made.set(connect, { second, refusal });
    return refusal;
  };
}

interface Words {
  readonly connect: boolean;
  readonly realm: string | null;
  readonly date: string;
}

const page = (...lines: string[]): string => `${lines.join('\r\n')}\r\n`;
const basic = (realm: string): string => `Basic realm="${realm}"`;

const writers: { readonly [skin in Skin]: (words: Words) => string } = {
  plain: ({ connect, realm }) =>
    page(
      realm !== null
        ? 'HTTP/1.1 407 Proxy Authentication Required'
        : connect
          ? 'HTTP/1.1 405 Method Not Allowed'
          : 'HTTP/1.1 403 Forbidden',
      ...(realm !== null ? [`Proxy-Authenticate: ${basic(realm)}`] : connect ? ['Allow: GET, HEAD'] : []),
      'Content-Length: 0',
      'Cache-Control: no-store',
      'Connection: close',
      '',
    ),
  squid: squid,
  // nmap-service-probes, "CCProxy http proxy".
  ccproxy: ({ realm }) => {
    const body = '<Html><Body><H1> Unauthorized ...</H1></Body></Html>';
    return `${page(
      realm === null ? 'HTTP/1.0 403 Forbidden' : 'HTTP/1.0 407 Unauthorized',
      'Server: CCProxy',
      ...(realm === null ? [] : [`Proxy-Authenticate: ${basic(realm)}`]),
      'Cache-control: no-cache',
      'Connection: close',
      `Content-Length: ${body.length}`,
      'Content-Type: text/html',
      '',
    )}${body}`;
  },
  // nmap-service-probes, "3Proxy http proxy".
  '3proxy': ({ realm }) =>
    realm === null
      ? page(
          'HTTP/1.0 403 Forbidden',
          'Proxy-Connection: close',
          'Content-type: text/html; charset=us-ascii',
          '',
          '<html><head><title>403 Access Denied</title></head>',
          '<body><h2>403 Access Denied</h2><h3>Access control list denies you to access this resource</body></html>',
        )
      : page(
          'HTTP/1.0 407 Proxy Authentication Required',
          'Proxy-Authenticate: NTLM',
          `Proxy-Authenticate: ${basic(realm).replace('Basic', 'basic')}`,
          'Proxy-Connection: close',
          'Content-type: text/html; charset=us-ascii',
          '',
          '<html><head><title>407 Proxy Authentication Required</title></head>',
          '<body><h2>407 Proxy Authentication Required</h2><h3>Access to requested resource disallowed by administrator or you need valid username/password to use this resource</h3></body></html>',
        ),
};

/** Squid 5, its page cut down to what every page of it has; nothing of the request stands in it. */
function squid({ realm, date }: Words): string {
  const missed = 'The requested URL could not be retrieved';
  const denied = 'Cache Access Denied';
  const [status, error, title, heading, what] =
    realm === null
      ? ['403 Forbidden', 'ERR_ACCESS_DENIED', missed, missed, 'Access Denied.']
      : [
          '407 Proxy Authentication Required',
          'ERR_CACHE_ACCESS_DENIED',
          ...[denied, `${denied}.`, `${denied}.`],
        ];
  const body = [
    '<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">',
    '<html><head>',
    '<meta type="copyright" content="Copyright (C) 1996-2020 The Squid Software Foundation and contributors">',
    '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">',
    `<title>ERROR: ${title}</title>`,
    `</head><body id=${error}>`,
    '<div id="titles">',
    '<h1>ERROR</h1>',
    `<h2>${heading}</h2>`,
    '</div>',
    '<hr>',
    '<div id="content">',
    '<blockquote id="error">',
    `<p><b>${what}</b></p>`,
    '</blockquote>',
    '</div>',
    '<hr>',
    '<div id="footer">',
    `<p>Generated ${date} by proxy (squid/5.7)</p>`,
    `<!-- ${error} -->`,
    '</div>',
    '</body></html>',
    '',
  ].join('\n');
  return `${page(
    `HTTP/1.1 ${status}`,
    'Server: squid/5.7',
    'Mime-Version: 1.0',
    `Date: ${date}`,
    'Content-Type: text/html;charset=utf-8',
    `Content-Length: ${body.length}`,
    `X-Squid-Error: ${error} 0`,
    'Vary: Accept-Language',
    'Content-Language: en',
    ...(realm === null ? [] : [`Proxy-Authenticate: ${basic(realm)}`]),
    'X-Cache: MISS from proxy',
    'X-Cache-Lookup: NONE from proxy:3128',
    'Via: 1.1 proxy (squid/5.7)',
    'Connection: close',
    '',
  )}${body}`;
}
