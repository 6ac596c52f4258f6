/** The SETTINGS of a peer, RFC 9113 section 6.5. */
import { errorCodes, type Fault, inConnection } from '../wire/h2-faults.ts';
import { type Frame, maxFrame, maxWindow, settingIds } from '../wire/h2-frames.ts';

/** Null: not set in this frame. */
export interface PeerSettings {
  /** Send window of new streams, in bytes. */
  readonly initialWindow: number | null;
  /** Concurrent streams it allows. */
  readonly maxStreams: number | null;
}

export function readSettings({ bytes, start, end }: Frame): PeerSettings | Fault {
  let initialWindow: number | null = null;
  let maxStreams: number | null = null;
  for (let at = start; at < end; at += 6) {
    const value = bytes.readUInt32BE(at + 2);
    switch (bytes.readUInt16BE(at)) {
      case settingIds.enablePush:
        if (value > 1) return inConnection(errorCodes.protocolError, 'ENABLE_PUSH is neither 0 nor 1');
        break;
      case settingIds.maxConcurrentStreams:
        maxStreams = value;
        break;
      case settingIds.initialWindowSize:
        if (value > maxWindow)
          return inConnection(errorCodes.flowControlError, 'an INITIAL_WINDOW_SIZE over 2^31-1');
        initialWindow = value;
        break;
      case settingIds.maxFrameSize:
        // Only checked: we never send frames above the minimum size.
        if (value < maxFrame || value > 0xffffff)
          return inConnection(errorCodes.protocolError, 'a MAX_FRAME_SIZE out of bounds');
        break;
      case settingIds.enableConnectProtocol:
        if (value > 1)
          return inConnection(errorCodes.protocolError, 'ENABLE_CONNECT_PROTOCOL is neither 0 nor 1');
    }
  }
  return { initialWindow, maxStreams };
}
