/** Texts and bytes close to those that fool request parsers. */
import fc from 'fast-check';
import { utf8 } from '../corpus/request.ts';

/** Any text of one character per byte. */
export const latin1: fc.Arbitrary<string> = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'));

const hostPiece = fc.constantFrom(
  ...[
    'www',
    'example',
    'net',
    'com',
    'evil',
    '127',
    '0x7f',
    '0177',
    '1',
    '192.0.2.80',
    '[::1]',
    '[2001:db8::80]',
  ],
  ...[
    'xn--bcher-kva',
    utf8('bücher'),
    'www.example.net',
    'gate.example.net',
    'localhost',
    'a%2eb',
    '%77ww',
    '%65',
  ],
  ...[utf8('。'), utf8('ｗ'), utf8('\u212a'), '\xff', '%00', '%2f', '%40', '%', '*'],
);
const separator = fc.constantFrom(
  '.',
  '.',
  '.',
  '',
  ':',
  '@',
  '..',
  '-',
  '%2e',
  ' ',
  '\t',
  '\\',
  '/',
  '?',
  '#',
  ',',
  '\0',
);

/** Host names with the characters in between that parsers disagree about. */
export const nearAuthority: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.tuple(hostPiece, separator), { minLength: 1, maxLength: 5 }),
    fc.constantFrom('', ':80', ':8080', ':25', ':443', ':', ':0', ':99999', '.', '@'),
  )
  .map(([pieces, tail]) => pieces.flat().slice(0, -1).join('') + tail);

/** Request-targets: all forms, foreign and our own, valid and invalid. */
export const nearTarget: fc.Arbitrary<string> = fc.oneof(
  latin1,
  nearAuthority,
  fc
    .tuple(
      fc.constantFrom(
        ...[
          'http://',
          'https://',
          'HTTP://',
          'hTTp://',
          'http:/',
          'http:',
          'http:///',
          'http:\\\\',
          'ftp://',
          'unix:',
        ],
        ...[
          '//',
          '/',
          '/\\',
          '@',
          '\\\\',
          '',
          'http://http://',
          '/http://',
          '?unix:x|http://',
          ' http://',
          '/..//',
        ],
      ),
      nearAuthority,
      fc.constantFrom(
        '',
        '/',
        '/x?y',
        '?q',
        '/a/../b',
        '#f',
        '//x',
        '/%2f',
        '*',
        '/http://evil.example/',
        ' ',
        '\\',
      ),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom('*', '/', '/*', '', 'www.example.net:443', '/%'),
);

/** Splits bytes at arbitrary places, without loss. */
export const splitAt = (bytes: Buffer, cuts: readonly number[]): Buffer[] => {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((place, i) => bytes.subarray(places[i - 1] ?? 0, place));
};

/** Places to split at. */
export const cuts: fc.Arbitrary<number[]> = fc.array(fc.nat(10_000), { maxLength: 12 });
