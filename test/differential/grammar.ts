/** Random requests, so close to the grammar that some server accepts most of them. The same seed gives the same requests. */

/** Numbers from 0 up to 1, from a seed (mulberry32). */
export type Random = () => number;

export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const oneOf = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const chance = (random: Random, share: number): boolean => random() < share;

export const own = 'www.example.net';
const methods = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'PROPFIND',
];
const oddMethods = [
  'get',
  'TRACE',
  'FOO',
  'G\0ET',
  'GET\t',
  'CONNECT',
  'G@T',
  'POST ',
  ' GET',
  '',
  'PRI',
  'M-SEARCH',
];
const targets = [
  '/',
  '/a',
  '/a/b?c=d',
  '/%41',
  '/a%2fb',
  '/a;b=c',
  '/a//b',
  '//a',
  '/?',
  '/a?b?c',
  "/~!$&'()*,=:@",
];
const oddTargets = [
  ...[
    '/a/../b',
    '/./a',
    '/a/..',
    '/../..',
    '/..%2fa',
    '/%2e%2e/a',
    '/a%00b',
    '/%',
    '/%zz',
    '/a\\b',
    '\\a',
    '/a#b',
  ],
  ...[
    '/a b',
    '/\xff',
    '/\xc3\xa9',
    '/a\tb',
    '/a\0b',
    '/a\x7f',
    '/"<>^`{|}',
    '*',
    'a',
    '',
    '?a',
    '/http://evil.example/',
  ],
  ...[
    `http://${own}/`,
    `http://${own}/a?b`,
    `http://${own}`,
    `http://${own}?a`,
    `HTTP://${own}/a`,
    `http://${own}:80/a`,
  ],
  ...[
    `http://x@${own}/a`,
    'http://evil.example/a',
    'http:///a',
    `http:/${own}/a`,
    `//${own}/a`,
    `ftp://${own}/`,
    `${own}:80`,
  ],
  ...[
    `https://${own}/a`,
    `http://${own}./a`,
    `http://${own}:/a`,
    `http://${own}/a/../b`,
    `http://${own}//a`,
    `http://${own}/%41`,
  ],
];
const versions = [
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/9.9',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/1',
  'HTTP/01.1',
  'HTTP/1.10',
  'RTSP/1.0',
  '',
];
const hosts = ['WWW.Example.NET', `${own}:80`, `${own}.`, ` ${own}`, `\t${own} `];
const oddHosts = [
  '',
  'evil.example',
  `${own}, evil.example`,
  `${own} evil.example`,
  `${own}:x`,
  `${own}/a`,
  `x@${own}`,
  `${own}#a`,
  `${own}\\a`,
  `${own}\0`,
  '[::1]',
  'a_b.example.net',
  `${own}:99999`,
  `${own}:`,
];
const encodings = [
  'chunked',
  'Chunked',
  ' chunked ',
  'chunked\t',
  'chunked, chunked',
  'identity',
  'gzip, chunked',
  'xchunked',
  '"chunked"',
  '\x0bchunked',
  'chunked;a=b',
  '',
  ',chunked',
  'chunked,',
];
const fields = [
  ...[
    'Accept: */*',
    'X-A: b',
    'x-a:b',
    'X-A:  b ',
    'X-Empty:',
    'Cookie: a=b; c',
    'X-A: \xe9',
    'User-Agent: x',
    'Range: bytes=0-',
    'TE: trailers',
  ],
  ...[
    'Accept-Encoding: gzip',
    'X-Forwarded-For: 192.0.2.1',
    'Max-Forwards: 3',
    'Referer: http://evil.example/',
    'Expect: 100-continue',
  ],
];
const oddFields = [
  ...[
    'X A: b',
    'X-A : b',
    ' X-A: b',
    '\tX-A: b',
    ': b',
    'X-A',
    'X\0: b',
    'X-A: b\0c',
    'X-A: b\rc',
    'X-A: b\nX-B: c',
    'X-A: b\r\n c',
    'X@: b',
  ],
  ...[
    'X_A: b',
    'Content_Length: 3',
    'Transfer_Encoding: chunked',
    'X-A: \x01',
    'X-A: \x7f',
    'X\xe9: b',
    'Connection: Host',
    'Connection: X-A',
    'Upgrade: h2c',
  ],
  ...[
    'Proxy: http://evil.example/',
    'Proxy-Connection: keep-alive',
    'X-Forwarded-Host: evil.example',
    'X-Original-URL: /b',
    'Expect: x',
  ],
];
const specials = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\t',
  ' ',
  ':',
  ',',
  ';',
  '/',
  '\\',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  '%',
  '#',
  '?',
  '@',
  '0',
  '1',
  'a',
];

/** One request, or the beginning of one, and nothing after it. */
export function randomRequest(random: Random): string {
  // One oddity at a time: a first one would hide the others.
  const odd = Math.floor(random() * 14);
  const method = odd === 0 ? oneOf(random, oddMethods) : oneOf(random, methods);
  const target = odd <= 2 && odd > 0 ? oneOf(random, oddTargets) : oneOf(random, targets);
  const version = odd === 3 ? oneOf(random, versions) : 'HTTP/1.1';
  const host = odd === 4 ? oneOf(random, oddHosts) : chance(random, 0.15) ? oneOf(random, hosts) : own;
  const lines = [version === '' ? `${method} ${target}` : `${method} ${target} ${version}`, `Host: ${host}`];
  for (let i = Math.floor(random() * 3); i > 0; i--) lines.push(oneOf(random, fields));
  if (odd === 5) lines.push(oneOf(random, oddFields));
  if (odd === 6) lines.push(oneOf(random, [`Host: ${own}`, 'Host: evil.example', 'Host:']));
  if (odd === 7 && chance(random, 0.3)) lines.splice(1, 1);
  const body = /GET|HEAD/.test(method) && !chance(random, 0.1) ? '' : randomBody(random, lines, odd);
  if (chance(random, 0.85)) lines.push('Connection: close');
  const first = lines.shift()!;
  const end = odd === 8 ? oneOf(random, ['\n', '\r', '\r\r\n', ' \r\n']) : '\r\n';
  const ends = lines.map((line) => line + (odd === 9 && chance(random, 0.3) ? '\n' : '\r\n'));
  const text = first + end + ends.join('') + (odd === 9 && chance(random, 0.2) ? '\n' : '\r\n') + body;
  return odd === 10 ? mutated(random, text) : text;
}

function randomBody(random: Random, lines: string[], odd: number): string {
  const text = oneOf(random, [
    '',
    'a',
    'a=b&c=d',
    'GET /smuggled HTTP/1.1\r\nHost: www.example.net\r\n\r\n',
    '0\r\n\r\n',
    '\r\n',
  ]);
  const chunked = chance(random, 0.4);
  if (chunked) lines.push(`Transfer-Encoding: ${odd === 11 ? oneOf(random, encodings) : 'chunked'}`);
  else if (text !== '' || chance(random, 0.5))
    lines.push(`Content-Length: ${odd === 11 ? oddLength(random, text) : text.length}`);
  if (odd === 12)
    lines.push(
      oneOf(random, [
        'Transfer-Encoding: chunked',
        `Content-Length: ${text.length}`,
        'Content-Length: 0',
        'Transfer-Encoding: identity',
      ]),
    );
  return chunked ? chunks(random, text, odd === 13) : text;
}

const oddLength = (random: Random, { length }: string): string =>
  oneOf(random, [
    `+${length}`,
    `-${length}`,
    `0${length}`,
    `${length} `,
    `\t${length}`,
    `${length},${length}`,
    `0x${length}`,
    `${length}.0`,
    '',
    `${length}a`,
    '99999999999999999999',
    `${length}\0`,
  ]);

function chunks(random: Random, text: string, odd: boolean): string {
  const size = text.length.toString(16);
  const extension = chance(random, 0.2) ? oneOf(random, [';a', ';a=b', ';a="b;c"', ' ;a']) : '';
  const line = odd
    ? oneOf(random, [
        `0x${size}`,
        `+${size}`,
        `-${size}`,
        ` ${size}`,
        `${size} `,
        `${size}\t`,
        `0${size}`,
        `${size}g`,
        `${size};a\nb`,
        `${size};\r`,
        `${size}\0`,
        `1000000000000000${size}`,
      ])
    : size + extension;
  const end = odd && chance(random, 0.3) ? oneOf(random, ['\n', '\r', '']) : '\r\n';
  const trailers = chance(random, 0.15)
    ? oneOf(random, [
        'X-T: a\r\n',
        'Content-Length: 3\r\n',
        'Host: evil.example\r\n',
        'X-T : a\r\n',
        ' a\r\n',
        'a\r\n',
      ])
    : '';
  return text === '' ? `0\r\n${trailers}\r\n` : `${line}${end}${text}${end}0\r\n${trailers}\r\n`;
}

function mutated(random: Random, text: string): string {
  let result = text;
  for (let i = 1 + Math.floor(random() * 2); i > 0; i--) {
    const at = Math.floor(random() * result.length);
    const drop = chance(random, 0.5) ? 1 : 0;
    result =
      result.slice(0, at) + (chance(random, 0.7) ? oneOf(random, specials) : '') + result.slice(at + drop);
  }
  return result;
}
