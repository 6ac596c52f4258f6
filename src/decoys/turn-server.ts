/** A TURN server over TCP (RFC 8656) that asks for credentials, records them and never allocates. */
import { randomBytes } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { judgeFirstBytes } from '../judge.ts';
import { isStun } from '../wire/stun.ts';
import {
  type Conversation,
  converse,
  done,
  longestMessage,
  type Step,
  type Wish,
  wish,
} from './conversation.ts';
import { pairOf } from './credentials.ts';
import { decoyPolicy } from './decoy-policy.ts';
import { dropped, none, type RefuseHttp } from './refusals.ts';

/** RFC 8489 section 18.3, RFC 8656 section 18. */
const attribute = { username: 0x0006, error: 0x0009, peer: 0x0012, realm: 0x0014, nonce: 0x0015 };
const cookie = Buffer.from([0x21, 0x12, 0xa4, 0x42]);
const headerLength = 20;

interface Message {
  /** The method of a request; null: an indication or a response, which gets no answer. */
  readonly method: number | null;
  readonly transaction: Buffer;
  readonly attributes: ReadonlyMap<number, Buffer>;
  readonly length: number;
}

/** @param refuseHttp the answer to HTTP clients */
export function turnConversation(realm: string, refuseHttp: RefuseHttp): Conversation {
  const nonce = randomBytes(12).toString('hex');
  let at = 0;
  let challenged = false;
  let asked: Wish | null = null;
  return {
    greeting: none,
    limit: longestMessage,
    read: (bytes, last): Step => {
      if (!isStun(bytes)) {
        // Too few bytes to tell: wait for the STUN cookie.
        if (bytes.length < 10 && (bytes[0] ?? 0) < 0x40 && !last) return { more: true };
        return converse(bytes, last, refuseHttp);
      }
      const message = parseStun(bytes.subarray(at));
      if (message === null) {
        if (!last) return { more: true };
        return done(asked ?? wanted(bytes), { bytes: none, answer: challenged ? 401 : 'drop' });
      }
      const { method, transaction, attributes } = message;
      asked = wanted(bytes, attributes);
      at += message.length;
      if (method === null) return done(asked, dropped);
      if (challenged || attributes.has(attribute.username) || method !== allocate)
        return done(asked, { bytes: refusal(method, transaction, 403, 'Forbidden'), answer: 403 });
      challenged = true;
      const ask = [field(attribute.realm, realm), field(attribute.nonce, nonce)];
      return last
        ? done(asked, { bytes: none, answer: 'drop' })
        : { more: true, say: refusal(method, transaction, 401, 'Unauthorized', ask) };
    },
  };
}

const allocate = 3;

/** Reads one message; null if it is incomplete or not STUN. Never throws. */
function parseStun(bytes: Buffer): Message | null {
  if (bytes.length < headerLength || !bytes.subarray(4, 8).equals(cookie)) return null;
  const length = headerLength + bytes.readUInt16BE(2);
  if (bytes.length < length) return null;
  const type = bytes.readUInt16BE(0);
  const attributes = new Map<number, Buffer>();
  for (let at = headerLength; at + 4 <= length; ) {
    const size = bytes.readUInt16BE(at + 2);
    attributes.set(bytes.readUInt16BE(at), bytes.subarray(at + 4, Math.min(at + 4 + size, length)));
    at += 4 + size + ((4 - (size % 4)) % 4);
  }
  return {
    method: (type & 0x0110) === 0 ? type : null,
    transaction: bytes.subarray(8, headerLength),
    attributes,
    length,
  };
}

function wanted(bytes: Buffer, attributes: ReadonlyMap<number, Buffer> = new Map()): Wish | null {
  const verdict = judgeFirstBytes(bytes, decoyPolicy);
  if (verdict === null) return null;
  const user = attributes.get(attribute.username);
  const to = peerOf(attributes.get(attribute.peer));
  const named = to === null ? verdict : { ...verdict, wanted: { ...verdict.wanted!, ...to } };
  return {
    ...wish(named, bytes.toString('latin1', 0, headerLength)),
    ...(user === undefined ? {} : { offered: pairOf(user.toString('latin1'), '') }),
  };
}

/** XOR-PEER-ADDRESS (RFC 8489 section 14.2), IPv4 only. */
function peerOf(value: Buffer | undefined): { host: string; port: number; text: string } | null {
  if (value === undefined || value.length !== 8 || value[1] !== 1) return null;
  const port = value.readUInt16BE(2) ^ 0x2112;
  const host = new ipaddr.IPv4([...value.subarray(4)].map((byte, i) => byte ^ cookie[i]!)).toString();
  return { host, port, text: `${host}:${port}` };
}

function field(type: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const padded = Buffer.alloc(4 + bytes.length + ((4 - (bytes.length % 4)) % 4));
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(bytes.length, 2);
  bytes.copy(padded, 4);
  return padded;
}

/** An error response (RFC 8489 section 14.8). No function here writes a success. */
function refusal(
  method: number,
  transaction: Buffer,
  code: number,
  reason: string,
  more: readonly Buffer[] = [],
): Buffer {
  const error = Buffer.concat([Buffer.from([0, 0, Math.floor(code / 100), code % 100]), Buffer.from(reason)]);
  const body = Buffer.concat([field(attribute.error, error), ...more]);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(method | 0x0110, 0);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, cookie, transaction, body]);
}
