/** Forward proxies, whose logs say themselves what was relayed: squid and tinyproxy. */
import type { LineFormat } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, orNull, type RelayWord, statusOrNull } from '../log-entry.ts';
import { epochTime, syslogTime } from '../log-time.ts';
import { requestWords } from '../request-text.ts';

const squidLine =
  /^\s*(\d+\.\d+)\s+(\d+)\s+(\S+)\s+([A-Z_]+)\/(\d{3})\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s+([A-Z_]+)\/(\S+)\s+(\S+)/;

export const squid: LineFormat = {
  id: 'squid',
  title: 'squid',
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
        relay: squidWord(result!, Number(status), hierarchy!, peer!),
      });
    },
  }),
};

function squidWord(result: string, status: number, hierarchy: string, peer: string): RelayWord | null {
  const said = `${result}/${status} ${hierarchy}/${peer}`;
  if (result.includes('DENIED')) return { result: 'refused', said };
  const reached = peer !== '-' && !hierarchy.endsWith('NONE');
  if (reached || /HIT|REFRESH/.test(result)) {
    return {
      result: status >= 200 && status !== 502 && status !== 503 && status !== 504 ? 'relayed' : 'failed',
      said,
    };
  }
  return { result: status === 502 || status === 503 || status === 504 ? 'failed' : 'refused', said };
}

const tinyproxyLine = /^([A-Z]+)\s+(\w{3} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)?)\s+\[\d+\]: (.*)$/;

/** Requests whose end has not been told yet; more than that and the oldest is let go as it is. */
const pendingLimit = 1000;

export const tinyproxy: LineFormat = {
  id: 'tinyproxy',
  title: 'tinyproxy',
  open: (now) => {
    const clients = new Map<string, string>();
    const pending: { host: string; entry: LogEntry }[] = [];
    const ready: LogEntry[] = [];
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
      flush: () => ready.concat(pending.splice(0).map(({ entry }) => entry)),
    };
  },
};
