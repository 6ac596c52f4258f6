/**
 * Error logs have no answers, but proof: a server that could not reach a foreign upstream has tried to relay, and one that
 * complains about a foreign upstream's answer has relayed.
 */
import { specialRange } from '../../address/special-ranges.ts';
import type { LineFormat, Parsed } from '../line-format.ts';
import { logEntry, withoutPort } from '../log-entry.ts';
import { ascTime, slashTime } from '../log-time.ts';
import { hostOf } from '../own-names.ts';
import { unescapeRequest } from '../request-text.ts';

const silent = 'has no answers: give the access log of the same server too';

const nginxLine = /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d) \[\w+\] \d+#\d+: (?:\*\d+ )?(.*)$/;
/** Errors after the upstream was reached. */
const nginxReached =
  /while (?:reading|sending to client|SSL handshaking|sending request)|upstream response is buffered|upstream sent|upstream prematurely closed/;
const nginxTried =
  /could not be resolved|no host in upstream|host not found in upstream|while connecting to upstream|invalid (?:URL prefix|host|port) in|upstream timed out|connect\(\) (?:to \S+ )?failed/;

export const nginxError: LineFormat = {
  id: 'nginx-error',
  title: 'nginx error log',
  example:
    '2026/11/10 10:00:00 [error] 12#12: *1 www.example.com could not be resolved (3: Host not found), client: 192.0.2.7, server: _, request: "GET http://www.example.com/ HTTP/1.1", host: "www.example.com"',
  silent,
  open: () => ({
    parse(text) {
      const m = nginxLine.exec(text);
      return m === null ? null : nginxNote(slashTime(m[1]!), m[2]!);
    },
  }),
};

function nginxNote(time: number | null, said: string): Parsed {
  const request = /, request: "((?:[^"\\]|\\.)*)"/.exec(said)?.[1];
  const client = /, client: ([^,\s]+)/.exec(said)?.[1];
  if (request === undefined || client === undefined) return 'skip';
  const what = said.slice(0, said.indexOf(', client: '));
  const reached = nginxReached.test(what);
  if (!reached && !nginxTried.test(what)) return requestOnly(time, client, unescapeRequest(request));
  const upstream = /, upstream: "(?:[a-z]+:\/\/)?([^/"]*)/.exec(said)?.[1] ?? null;
  return note(time, client, unescapeRequest(request), upstream, {
    result: reached ? 'relayed' : 'failed',
    said: upstream === null ? what : `${what}, upstream: ${upstream}`,
  });
}

const apacheLine =
  /^\[(\w{3} \w{3} +\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)? \d{4})\] (?:\[\w*:?\w+\] )?(?:\[pid [^\]]*\] )?(?:\[\w+\] )?(.*)$/;
/** Errors of mod_proxy that name the remote server, and whether it was reached. */
const apacheProof: readonly (readonly [sign: RegExp, reached: boolean])[] = [
  [/DNS lookup failure for: (\S+)/, false],
  [/failed to make connection to backend: (\S+)/, false],
  [/attempt to connect to \S+ \(([^)*]+)\)(?: \S+)? failed/, false],
  [/error reading (?:status line|response) from remote server (\S+)/, true],
  [/(?:failed to read|timeout reading) .*from (?:remote server )?(\S+:\d+)/, true],
  [/pass request body failed to \S+ \(([^)]+)\)/, true],
];

export const apacheError: LineFormat = {
  id: 'apache-error',
  title: 'Apache error log',
  example:
    '[Tue Nov 10 10:00:00.000000 2026] [proxy:error] [pid 1] [client 192.0.2.7:4000] AH00898: DNS lookup failure for: www.example.com returned by /',
  silent,
  open: () => ({
    parse(text) {
      const m = apacheLine.exec(text);
      return m === null ? null : apacheNote(ascTime(m[1]!), m[2]!);
    },
  }),
};

function apacheNote(time: number | null, said: string): Parsed {
  const client = /\[client ([^\]]+)\]/.exec(said)?.[1];
  const invalid = /Invalid URI in request (.*)$/.exec(said)?.[1];
  if (invalid !== undefined)
    return requestOnly(time, client === undefined ? '' : withoutPort(client), unescapeRequest(invalid));
  for (const [sign, reached] of apacheProof) {
    const server = sign.exec(said)?.[1];
    if (server === undefined) continue;
    const authority = server.replace(/[,;]$/, '');
    const words = /(?:AH\d{5}: )?[^\]]*$/.exec(said)![0].trim();
    return note(time, client === undefined ? '' : withoutPort(client), `GET http://${authority}/`, null, {
      result: reached ? 'relayed' : 'failed',
      said: words,
    });
  }
  return 'skip';
}

const squidCacheLine = /^(\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d)(?: kid\d+)?\| (.*)$/;

export const squidCache: LineFormat = {
  id: 'squid-cache',
  title: "squid's cache.log",
  example: '2026/11/10 10:00:00 kid1| TCP connection to www.example.com/80 failed',
  silent,
  open: () => ({
    parse(text) {
      const m = squidCacheLine.exec(text);
      if (m === null) return null;
      const failed = /(?:TCP connection to|[Cc]onnection to) \[?([^\s/\]]+)\]?[/:](\d+) failed/.exec(m[2]!);
      if (failed === null) return 'skip';
      return note(slashTime(m[1]!), '', `GET http://${failed[1]}:${failed[2]}/`, null, {
        result: 'failed',
        said: m[2]!,
      });
    },
  }),
};

/** A request that is in the access log too, and proves nothing. */
const requestOnly = (time: number | null, client: string, request: string): Parsed =>
  logEntry({ time, client, request, note: true });

/** A note about a foreign upstream. An unreachable server in the own network proves nothing. */
function note(
  time: number | null,
  client: string,
  request: string,
  upstream: string | null,
  relay: { readonly result: 'relayed' | 'failed'; readonly said: string },
): Parsed {
  const host = hostOf(upstream ?? /^\w+ [a-z]+:\/\/([^/\s]*)/i.exec(request)?.[1] ?? '');
  if (host !== null) {
    const range = specialRange(host.replace(/^\[|\]$/g, ''));
    // `unix:` and names without a dot belong to this machine or its containers.
    const own = range === 'private' || range === 'loopback' || !/[.:]/.test(host);
    if (own) return requestOnly(time, client, request);
  }
  return logEntry({ time, client, request, upstream, relay, note: true });
}
