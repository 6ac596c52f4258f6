/** The HTTP/2 readers: frames, field blocks, and the requests made from them. */
import { isDeepStrictEqual } from 'node:util';
import { forwardedHead } from '../../src/forward/forwarded-head.ts';
import { judge } from '../../src/judge.ts';
import {
  checkFrame,
  FrameReader,
  frameHead,
  headersFrames,
  pingFrame,
  settingsFrame,
} from '../../src/wire/h2-frames.ts';
import { h2Request, trailerFault } from '../../src/wire/h2-request.ts';
import { HpackDecoder } from '../../src/wire/hpack-decoder.ts';
import { encodeField, encodeKnown } from '../../src/wire/hpack-encoder.ts';
import { headText } from '../../src/wire/message-text.ts';
import { parseRequestHead } from '../../src/wire/request-head.ts';
import { corpusPolicy } from '../support/policy.ts';
import { must, type Target } from './target.ts';

const { policy } = corpusPolicy();
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const own = [':method', 'GET', ':scheme', 'https', ':authority', 'www.example.net', ':path', '/a?b'];
const block = (fields: readonly string[]): string =>
  fields.map((name, i) => (i % 2 === 0 ? encodeKnown(name, fields[i + 1]!) : '')).join('');
const requests = [
  own,
  [...own, 'content-length', '5', 'cookie', 'a=b', 'cookie', 'c=d', 'te', 'trailers'],
  [':method', 'CONNECT', ':protocol', 'websocket', ...own.slice(2)],
  [':method', 'CONNECT', ':authority', 'evil.example:25'],
];
const blocks = [
  ...requests.map((fields) => latin1(block(fields))),
  Buffer.from('828684418cf1e3c2e5f23a6ba0ab90f4ff', 'hex'),
  Buffer.from('828684be5886a8eb10649cbf', 'hex'),
  Buffer.from('3fe11f400a637573746f6d2d6b65790d637573746f6d2d686561646572be', 'hex'),
];
/** Bytes of fields that are kept in this target. */
const limit = 2000;

export const h2Targets: readonly Target[] = [
  {
    name: 'h2-frames',
    seeds: [
      latin1(
        settingsFrame([
          [3, 100],
          [4, 65_535],
        ]) + headersFrames(1, block(own), true, 16_384),
      ),
      latin1(
        headersFrames(1, block(own), false, 8) +
          frameHead(5, 0, 1, 1) +
          'hello' +
          pingFrame('12345678', true),
      ),
      latin1(frameHead(7, 0, 8, 3) + '\x02hello' + frameHead(4, 8, 0, 0) + '\0\0\0\x01'),
    ],
    words: [
      '\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08',
      '\0\0\0\x04\x01\0\0\0\0',
      '\x80',
      '\xff\xff\xff',
      '\x09\x04',
    ],
    read: (input) => framesOf([input]),
    run: (input) => {
      const whole = framesOf([input]);
      const cut = input.reduce((sum, byte) => (sum * 31 + byte) % (input.length + 1), 7);
      must(
        isDeepStrictEqual(framesOf([input.subarray(0, cut), input.subarray(cut)]), whole),
        `the same in pieces, cut at ${cut}`,
      );
      must(
        isDeepStrictEqual(framesOf([...input].map((byte) => Buffer.of(byte))), whole),
        'the same byte by byte',
      );
      return whole
        .slice(0, 6)
        .map((frame) => frame.replace(/^(\d+) \d+|\d+$/g, '$1'))
        .join();
    },
  },
  {
    name: 'hpack',
    seeds: blocks,
    words: [
      '\x82',
      '\xbe',
      '\x40\x01a\x01b',
      '\x20',
      '\x3f\xe1\x1f',
      '\xff',
      '\x10',
      '\x7f\xff\xff\x7f',
      '\x8c',
    ],
    run: (input) => {
      const decoder = new HpackDecoder();
      const first = decoder.decode(input, 0, input.length, limit);
      must(decoder.tableSize <= 4096, 'the table stays within its size');
      if (first === null) {
        must(decoder.fault !== '', 'a malformed block has a fault');
        return decoder.fault;
      }
      const { fields, size, tooLong, neverIndexed } = first;
      must(fields.length % 2 === 0, 'names and values');
      // Names of joined cookie fields are not counted: they are not forwarded.
      must(
        fields.filter((one) => one !== 'cookie').join('').length <= limit,
        'no more is kept than was allowed',
      );
      must(fields.length <= limit, 'the fields are within the limit too');
      must(tooLong === size > limit, 'a block beyond the limit is marked');
      for (const at of neverIndexed ?? [])
        must(at % 2 === 0 && at < fields.length, 'a never-indexed entry is a field');
      const written = latin1(
        fields.map((name, i) => (i % 2 === 0 ? encodeField(name, fields[i + 1]!) : '')).join(''),
      );
      const again = new HpackDecoder().decode(written, 0, written.length, 2 * limit);
      const lower = fields.map((one, i) => (i % 2 === 0 ? one.toLowerCase() : one));
      must(isDeepStrictEqual(again?.fields, lower), 'a written block reads back the same');
      return `${tooLong} ${neverIndexed === null} ${Math.min(9, fields.length)} ${Math.min(5, decoder.tableSize >> 6)}`;
    },
  },
  {
    name: 'h2-request',
    seeds: blocks,
    words: [
      '\0\x01a\x01b',
      '\0\x05:path\x01/',
      '\x41\x10evil.example.com',
      '\0\x06expect',
      'cookie',
      '\r\n',
      '\0',
      'content-length',
    ],
    run: (input) => {
      const fields = new HpackDecoder().decode(input, 0, input.length, limit)?.fields ?? [];
      trailerFault(fields);
      const { request } = h2Request(fields, input.length % 2 === 0);
      const defects = request.defects ?? [];
      for (const { at } of defects) must(at >= 0 && at <= headText(request).length, 'a defect is inside');
      const verdict = judge(request, policy);
      must(defects.length === 0 || verdict.action === 'block', 'a malformed request does not pass');
      if (verdict.action !== 'block' && request.method !== 'CONNECT') {
        const { path, host, strip } = verdict;
        const sent = forwardedHead({
          ...request,
          ...{
            path,
            host,
            strip,
            trusted: false,
            peer: '192.0.2.7',
            client: '192.0.2.7',
            secure: true,
            length: null,
            closes: false,
            upgrade: false,
            via: null,
          },
        });
        const again = parseRequestHead(latin1(sent));
        must(
          again?.complete === true && again.defects.length === 0 && again.end === sent.length,
          'what is sent is one head',
        );
        must(again!.method === request.method && again!.target === path, 'the same method and path');
        must(judge(again!, policy).action !== 'block', 'the forwarded request would pass again');
      }
      const whys = new Set(defects.map(({ why }) => why));
      return `${verdict.action} ${verdict.rule} ${[...whys].sort().join().slice(0, 80)}`;
    },
  },
];

function framesOf(pieces: readonly Buffer[]): string[] {
  const reader = new FrameReader();
  const frames: string[] = [];
  for (const piece of pieces) {
    const fault = reader.read(piece, (frame) => {
      const why = checkFrame(frame)?.why ?? 'fine';
      must(frame.start <= frame.end && frame.end <= frame.bytes.length, 'a payload is inside');
      const length = frame.end - frame.start;
      const before = frames.at(-1)?.split(' : ');
      // DATA that arrives in pieces may be emitted in pieces.
      const kind = `${Math.min(frame.type, 10)} ${frame.stream}`;
      const goesOn = frame.type === 0 && (frame.flags & 8) === 0 && before?.[0] === kind && before[1] === why;
      if (goesOn) frames.pop();
      frames.push(`${kind} : ${why} : ${length + (goesOn ? Number(before[2]) : 0)}`);
      return true;
    });
    if (fault !== null) return [...frames, fault.why];
  }
  return frames;
}
