/** Forward proxies, whose logs say what was relayed: squid and tinyproxy. */
import { specialRange } from '../../address/special-ranges.ts';
import type { LineFormat } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, orNull, type RelayWord, statusOrNull } from '../log-entry.ts';
import { epochTime, syslogTime } from '../log-time.ts';
import { requestWords } from '../request-text.ts';
import { parseCombined } from './combined.ts';

const squidLine =
  /^\s*(\d+\.\d+)\s+(\d+)\s+(\S+)\s+([A-Z_]+)\/(\d{3})\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s+([A-Z_]+)\/(\S+)\s+(\S+)/;

export const squid: LineFormat = {
  id: 'squid',
  title: 'squid',
  example:
    '1793959200.123    507 192.0.2.7 TCP_MISS/200 1234 GET http://www.example.com/ - HIER_DIRECT/198.51.100.1 text/html',
  open: () => ({
    parse(text) {
      const m = squidLine.exec(text);
      if (m === null) return null;
      const [, time, elapsed, client, result, status, bytes, method, url, , hierarchy, peer] = m;
      return logEntry({
        time: epochTime(Number(time)),
        duration: Number(elapsed),
        client: client!,
        request: `${method} ${url} HTTP/1.1`,
        status: statusOrNull(status),
        bytes: numberOrNull(bytes),
        upstream: orNull(peer),
        writtenAsUrl: true,
        relay: squidWord(result!, Number(status), method!, hierarchy!, peer!),
      });
    },
  }),
};

const squidTail = / ([A-Z_]{3,}):([A-Z_]*(?:NONE|HIER_|PARENT|SIBLING|DIRECT|PINNED|HIT)[A-Z_]*)$/;

/** squid's built-in `common` and `combined`: the web server format plus squid's result at the end. */
export const squidCombined: LineFormat = {
  id: 'squid-combined',
  title: 'squid common or combined',
  example:
    '192.0.2.7 - - [10/Nov/2026:10:00:00 +0000] "GET http://www.example.com/ HTTP/1.1" 200 1256 "-" "curl/8" TCP_MISS:HIER_DIRECT',
  open: () => ({
    parse(text) {
      const m = squidTail.exec(text);
      const entry = m === null ? null : parseCombined(text.slice(0, m.index));
      if (m === null || entry === null || typeof entry === 'string') return null;
      const method = requestWords(entry.request)?.method ?? '';
      const relay = squidWord(m[1]!, entry.status ?? 0, method, m[2]!, null);
      return { ...entry, writtenAsUrl: true, relay };
    },
  }),
};

/** @param peer null if not logged */
function squidWord(
  result: string,
  status: number,
  method: string,
  hierarchy: string,
  peer: string | null,
): RelayWord | null {
  const said = `${result}/${status} ${hierarchy}${peer === null ? '' : `/${peer}`}`;
  if (result.includes('DENIED')) return { result: 'refused', said };
  const reached = peer !== '-' && !hierarchy.endsWith('NONE');
  // An accelerator's parent is its web server. A tunnel to a parent goes through another proxy.
  const own = peer === null || specialRange(peer) === 'private' || specialRange(peer) === 'loopback';
  if (hierarchy.endsWith('PARENT') && own && method !== 'CONNECT') return { result: 'backend', said };
  // A cache hit: other lines show where the page came from.
  if (/HIT|REFRESH/.test(result) && !reached && method !== 'CONNECT') return { result: 'backend', said };
  if (reached) {
    return {
      result: status >= 200 && status !== 502 && status !== 503 && status !== 504 ? 'relayed' : 'failed',
      said,
    };
  }
  return { result: status === 502 || status === 503 || status === 504 ? 'failed' : 'refused', said };
}

const tinyproxyLine = /^([A-Z]+)\s+(\w{3} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?)\s+\[\d+\]: (.*)$/;

/** Most requests that wait for the line of their result; beyond, the oldest is emitted without it. */
const pendingLimit = 1000;

export const tinyproxy: LineFormat = {
  id: 'tinyproxy',
  title: 'tinyproxy',
  example: [
    'CONNECT   Nov 10 10:00:00.000 [1]: Connect (file descriptor 7): [192.0.2.7]',
    'CONNECT   Nov 10 10:00:00.001 [1]: Request (file descriptor 7): CONNECT www.example.com:443 HTTP/1.1',
    'CONNECT   Nov 10 10:00:00.002 [1]: Established connection to host "www.example.com" using file descriptor 8.',
  ].join('\n'),
  stateful: true,
  open: (now) => {
    const clients = new Map<string, string>();
    const pending: { host: string; entry: LogEntry }[] = [];
    const settle = (host: string, relay: RelayWord): LogEntry | 'skip' => {
      const index = pending.findIndex((one) => one.host === host);
      if (index === -1) return 'skip';
      return { ...pending.splice(index, 1)[0]!.entry, relay };
    };
    return {
      parse(text) {
        const m = tinyproxyLine.exec(text);
        if (m === null) return null;
        const said = m[3]!;
        const connect = /^Connect \(file descriptor (\d+)\): (?:.*\[([^\]]+)\]|(\S+))/.exec(said);
        if (connect !== null) {
          if (clients.size > pendingLimit) clients.clear();
          clients.set(connect[1]!, connect[2] ?? connect[3]!);
          return 'skip';
        }
        const request = /^Request \(file descriptor (\d+)\): (.*)$/s.exec(said);
        if (request !== null) {
          const entry = logEntry({
            time: syslogTime(m[2]!, now),
            client: clients.get(request[1]!) ?? '',
            request: request[2]!,
          });
          const host = /^(?:[a-z]+:\/\/)?(?:[^@/]*@)?(\[[^\]]*\]|[^:/?#]+)/i.exec(
            requestWords(request[2]!)?.target ?? '',
          )?.[1];
          if (host === undefined || host.startsWith('/')) return entry;
          pending.push({ host, entry });
          return pending.length > pendingLimit ? pending.shift()!.entry : 'skip';
        }
        const done = /^Established connection to host "([^"]*)"/.exec(said);
        if (done !== null) return settle(done[1]!, { result: 'relayed', said });
        const failed =
          /^opensock: Could not (?:establish a connection to|retrieve (?:address )?info for) \[?([^\s:\]]+)/i.exec(
            said,
          );
        if (failed !== null) return settle(failed[1]!, { result: 'failed', said });
        const filtered = /filtered (?:domain|url) "([^"]*)"/i.exec(said);
        if (filtered !== null) return settle(filtered[1]!, { result: 'refused', said });
        return 'skip';
      },
      flush: () => pending.splice(0).map(({ entry }) => entry),
    };
  },
};
