/** SETTINGS, RFC 9113 section 6.5. */
import { errorCodes, type Fault, inConnection } from '../wire/h2-faults.ts';
import { type Frame, maxFrame, maxWindow, settingIds } from '../wire/h2-frames.ts';
import { maxBlock, maxStreams, streamWindow } from './bounds.ts';

type Settings = (readonly [id: number, value: number])[];

export function openingSettings(headerBytes: number, websocket: boolean): Settings {
  const settings: Settings = [
    [settingIds.maxConcurrentStreams, maxStreams],
    [settingIds.initialWindowSize, streamWindow],
    // It counts 32 bytes a field, and here a field counts as it does in HTTP/1: many crumbs of a cookie would not fit.
    [settingIds.maxHeaderListSize, headerBytes * maxBlock],
  ];
  if (websocket) settings.push([settingIds.enableConnectProtocol, 1]);
  return settings;
}

/** What the client says: what it takes on a new stream, or its fault. Null where it says nothing of interest. */
export function readSettings({ bytes, start, end }: Frame): number | Fault | null {
  let initialWindow: number | null = null;
  for (let at = start; at < end; at += 6) {
    const value = bytes.readUInt32BE(at + 2);
    switch (bytes.readUInt16BE(at)) {
      case settingIds.enablePush:
        if (value > 1) return inConnection(errorCodes.protocolError, 'ENABLE_PUSH is neither 0 nor 1');
        break;
      case settingIds.initialWindowSize:
        if (value > maxWindow)
          return inConnection(errorCodes.flowControlError, 'an INITIAL_WINDOW_SIZE over 2^31-1');
        initialWindow = value;
        break;
      case settingIds.maxFrameSize:
        // Frames of the least size are sent, whatever it allows.
        if (value < maxFrame || value > 0xffffff)
          return inConnection(errorCodes.protocolError, 'a MAX_FRAME_SIZE out of bounds');
        break;
      case settingIds.enableConnectProtocol:
        if (value > 1)
          return inConnection(errorCodes.protocolError, 'ENABLE_CONNECT_PROTOCOL is neither 0 nor 1');
    }
  }
  return initialWindow;
}
