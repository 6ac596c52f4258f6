/** Writes HTTP/2 frames that a library would refuse to send. */
import { once } from 'node:events';
import { connect } from 'node:tls';

export type Field = readonly [name: string, value: string];

const type = { data: 0, headers: 1, reset: 3, settings: 4, goaway: 7 } as const;
const flag = { endStream: 1, endHeaders: 4, ack: 1 } as const;

export interface Http2Request {
  /** One character a byte. */
  readonly fields: readonly Field[];
  /** DATA frames; none: the head ends the stream. */
  readonly data?: readonly string[];
  readonly trailers?: readonly Field[];
}

export interface Http2Reply {
  /** HEADERS that begin with the static-table entry of `:status: 200`. */
  readonly served: boolean;
  readonly body: string;
  /** The stream was reset, the connection was told to go away, or closed. */
  readonly ended: 'stream' | 'reset' | 'goaway' | 'closed' | 'timeout';
}

/** Sends one request on a new connection. */
export async function sendFrames(port: number, request: Http2Request): Promise<Http2Reply> {
  const { fields, data = [], trailers } = request;
  const socket = connect({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
  socket.on('error', () => {});
  const signal = AbortSignal.timeout(4000);
  try {
    await once(socket, 'secureConnect', { signal });
    const over = Promise.withResolvers<Http2Reply>();
    let pending = Buffer.alloc(0);
    let served = false;
    let body = '';
    const end = (ended: Http2Reply['ended']) => over.resolve({ served, body, ended });
    socket.on('data', (bytes: Buffer) => {
      pending = Buffer.concat([pending, bytes]);
      while (pending.length >= 9 && pending.length >= 9 + pending.readUIntBE(0, 3)) {
        const length = pending.readUIntBE(0, 3);
        const payload = pending.subarray(9, 9 + length);
        const [kind, flags] = [pending[3], pending[4]!];
        pending = pending.subarray(9 + length);
        // The first block of a connection may begin with a table size update.
        if (kind === type.headers && payload[payload[0] === 0x20 ? 1 : 0] === 0x88) served = true;
        else if (kind === type.data) body += payload.toString('latin1');
        else if (kind === type.settings && (flags & flag.ack) === 0) {
          socket.write(frame(type.settings, flag.ack, 0, Buffer.alloc(0)));
        }
        if (kind === type.reset) end('reset');
        else if (kind === type.goaway) end('goaway');
        else if ((kind === type.headers || kind === type.data) && (flags & flag.endStream) !== 0)
          end('stream');
      }
    });
    socket.on('end', () => end('closed')).on('close', () => end('closed'));
    signal.addEventListener('abort', () => end('timeout'));
    const last = trailers === undefined ? data.length - 1 : data.length;
    socket.write(
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        frame(type.settings, 0, 0, Buffer.alloc(0)),
        frame(type.headers, flag.endHeaders | (last === -1 ? flag.endStream : 0), 1, encode(fields)),
        ...data.map((text, i) =>
          frame(type.data, i === last ? flag.endStream : 0, 1, Buffer.from(text, 'latin1')),
        ),
        ...(trailers === undefined
          ? []
          : [frame(type.headers, flag.endHeaders | flag.endStream, 1, encode(trailers))]),
      ]),
    );
    return await over.promise;
  } finally {
    socket.destroy();
  }
}

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = kind;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** RFC 7541 section 6.2.2: literal fields without indexing, names and values as they are. */
function encode(fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.of(0), ...literal(name), ...literal(value)]),
  );
}

function literal(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return [Buffer.from(length), bytes];
}
