/** A backend that answers each HTTP/2 head and each frame as the test says. */
import type { Socket } from 'node:net';
import { type Frame, FrameReader, frameTypes, preface, settingsFrame } from '../../src/wire/h2-frames.ts';
import type { Owner } from '../support/owner.ts';
import { type BackendConnection, rawBackend } from '../support/raw-backend.ts';
import { data, head } from './stream-peer.ts';

export interface Asked {
  readonly socket: Socket;
  /** Of its stream. */
  readonly id: number;
  /** Of the connection, from 0. */
  readonly number: number;
  say(text: string): void;
}
export const ok = (id: number): string => head(id) + data(id, 'ok', true);

/** A backend that sends SETTINGS and answers each head and each end of a body as the test says. */
export async function frameBackend(
  t: Owner,
  onHead: (asked: Asked) => unknown,
  settings: readonly (readonly [number, number])[] = [],
  onFrame: (frame: Frame, asked: Asked) => unknown = () => {},
) {
  const raw = await rawBackend(t, ({ socket }: BackendConnection, number) => {
    const reader = new FrameReader();
    let left = preface.length;
    socket.on('error', () => {});
    socket.write(settingsFrame(settings), 'latin1');
    const say = (text: string): unknown => socket.write(text, 'latin1');
    socket.on('data', (bytes: Buffer) => {
      const skipped = Math.min(left, bytes.length);
      left -= skipped;
      reader.read(bytes.subarray(skipped), (frame) => {
        const asked = { socket, id: frame.stream, number, say: (text: string) => void say(text) };
        if (frame.type === frameTypes.headers) onHead(asked);
        onFrame(frame, asked);
        return true;
      });
    });
  });
  return { ...raw, url: raw.url.replace('http:', 'h2c:') };
}
