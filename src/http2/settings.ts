/** Our SETTINGS towards clients, RFC 9113 section 6.5. */
import { maxBlock, maxStreams, streamWindow } from '../h2/bounds.ts';
import { settingIds } from '../wire/h2-frames.ts';

type Settings = (readonly [id: number, value: number])[];

export function openingSettings(headerBytes: number, websocket: boolean): Settings {
  const settings: Settings = [
    [settingIds.maxConcurrentStreams, maxStreams],
    [settingIds.initialWindowSize, streamWindow],
    // It counts 32 bytes more for each field than HTTP/1 does: many cookie crumbs would not fit in headerBytes.
    [settingIds.maxHeaderListSize, headerBytes * maxBlock],
  ];
  if (websocket) settings.push([settingIds.enableConnectProtocol, 1]);
  return settings;
}
