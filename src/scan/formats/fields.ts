/** Formats with named fields: W3C extended (IIS, CloudFront), Zeek's http.log, and IIS events as XML. */
import type { LineFormat } from '../line-format.ts';
import { type LogEntry, logEntry, numberOrNull, orNull, statusOrNull } from '../log-entry.ts';
import { epochTime, isoTime } from '../log-time.ts';

type Row = ReadonlyMap<string, string>;

const field = (row: Row, ...names: string[]): string | null => {
  for (const name of names) {
    const value = orNull(row.get(name));
    if (value !== null) return value;
  }
  return null;
};

function w3cEntry(row: Row): LogEntry {
  const stem = field(row, 'cs-uri-stem', 'cs-uri') ?? '';
  const query = field(row, 'cs-uri-query');
  const date = row.get('date');
  const seconds = row.get('time');
  const taken = numberOrNull(row.get('time-taken'));
  return logEntry({
    time: date === undefined || seconds === undefined ? null : isoTime(`${date}T${seconds}Z`),
    client: field(row, 'c-ip') ?? '',
    host: field(row, 'x-host-header', 'cs-host', 'cs(Host)'),
    request: `${field(row, 'cs-method') ?? '-'} ${stem}${query === null ? '' : `?${query}`} ${field(row, 'cs-version', 'cs-protocol-version') ?? 'HTTP/1.1'}`,
    status: statusOrNull(row.get('sc-status')),
    bytes: numberOrNull(row.get('sc-bytes')),
    // IIS logs milliseconds, CloudFront seconds with a fraction.
    duration: taken === null ? null : row.get('time-taken')!.includes('.') ? taken * 1000 : taken,
    referer: field(row, 'cs(Referer)', 'csReferer'),
    agent: field(row, 'cs(User-Agent)', 'csUser-Agent')?.replaceAll('+', ' ') ?? null,
  });
}

/** Default columns of IIS and CloudFront, for logs whose `#Fields` line is missing. */
const defaultColumns = {
  iis: 'date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken',
  cloudfront:
    'date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end',
};

/** @param columns the default columns @param least fewest columns of a line without a `#Fields` line */
function w3cFormat(
  format: Omit<LineFormat, 'open' | 'stateful'>,
  columns: string,
  least: number,
  is: (names: readonly string[]) => boolean,
): LineFormat {
  return {
    ...format,
    stateful: true,
    open() {
      let names: readonly string[] | null = null;
      return {
        parse(text) {
          if (text.startsWith('#')) {
            const fields = /^#Fields:\s*(.*)$/i.exec(text);
            if (fields !== null) names = fields[1]!.trim().split(/\s+/);
            if (names !== null && !is(names)) return null;
            return /^#(?:Software|Version|Date|Start-Date|End-Date|Fields|Remark):/i.test(text)
              ? 'skip'
              : null;
          }
          const values = text.includes('\t') ? text.split('\t') : text.trim().split(' ');
          const dated = /^\d{4}-\d\d-\d\d[ \t]\d\d:\d\d:\d\d[ \t]/.test(text);
          const known = names ?? (dated && values.length >= least ? columns.split(' ') : null);
          if (known === null || !is(known)) return null;
          if (values.length !== known.length && (names !== null || values.length > known.length)) return null;
          const row = new Map(known.slice(0, values.length).map((name, i) => [name, values[i]!]));
          return names === null && statusOrNull(row.get('sc-status')) === null ? null : w3cEntry(row);
        },
      };
    },
  };
}

export const cloudfront: LineFormat = w3cFormat(
  {
    id: 'cloudfront',
    title: 'Amazon CloudFront',
    example:
      '2026-11-10\t10:00:00\tFRA2\t312\t192.0.2.7\tCONNECT\td1.cloudfront.net\tmail.example.com:25\t405\t-\tcurl\t-\t-\tError\tx\twww.example.net\thttp\t100\t0.1',
  },
  defaultColumns.cloudfront,
  19,
  (names) => names.includes('x-edge-location'),
);

export const w3c: LineFormat = w3cFormat(
  {
    id: 'w3c',
    title: 'W3C extended (IIS)',
    example:
      '2026-11-10 10:00:00 10.0.0.1 GET http://www.example.com/azenv.php - 80 - 192.0.2.7 curl/8 - 404 0 2 15',
  },
  defaultColumns.iis,
  14,
  (names) => !names.includes('x-edge-location'),
);

export const iisXml: LineFormat = {
  id: 'iis-xml',
  title: 'IIS events as XML',
  example:
    '<Event><EventData><Data Name="date">2026-11-10</Data><Data Name="time">10:00:00</Data><Data Name="c-ip">192.0.2.7</Data><Data Name="cs-method">GET</Data><Data Name="cs-uri-stem">http://www.example.com/</Data><Data Name="sc-status">404</Data><Data Name="sc-bytes">196</Data></EventData></Event>',
  open: () => ({
    parse(text) {
      if (!text.includes('<Data Name="cs-method">')) return null;
      const row = new Map<string, string>();
      for (const [, name, value] of text.matchAll(/<Data Name="([^"]+)">([^<]*)<\/Data>/g)) {
        row.set(
          name!,
          value!.replace(
            /&(amp|lt|gt|quot);/g,
            (_, e: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[e]!,
          ),
        );
      }
      return w3cEntry(row);
    },
  }),
};

/** Default columns of Zeek's http.log, for logs whose `#fields` line is missing. */
const zeekColumns =
  'ts uid id.orig_h id.orig_p id.resp_h id.resp_p trans_depth method host uri referrer version user_agent origin request_body_len response_body_len status_code';

export const zeekTsv: LineFormat = {
  id: 'zeek-tsv',
  title: 'Zeek http.log',
  example:
    '1793959200.1\tC1\t192.0.2.7\t4000\t10.0.0.1\t80\t1\tCONNECT\texample.com\texample.com:25\t-\t1.1\tcurl\t-\t0\t166\t405\tMethod Not Allowed\t-\t-\t(empty)\t-\t-\t-\t-\t-\t-\t-\t-\t-',
  stateful: true,
  open() {
    let names: string[] | null = null;
    return {
      parse(text) {
        if (text.startsWith('#')) {
          if (text.startsWith('#fields\t')) names = text.split('\t').slice(1);
          return /^#(?:separator|set_separator|empty_field|unset_field|path|open|close|fields|types)\b/.test(
            text,
          )
            ? 'skip'
            : null;
        }
        const values = text.split('\t');
        const known =
          names ??
          (/^\d{9,10}\.\d+\tC\w+\t/.test(text) && values.length >= 17 ? zeekColumns.split(' ') : null);
        if (known === null || !known.includes('method')) return null;
        if (names !== null && values.length !== names.length) return null;
        const row: Row = new Map(
          known.map((name, i) => [name, values[i] === '(empty)' ? '' : (values[i] ?? '')]),
        );
        const method = field(row, 'method');
        if (method === null) return 'skip';
        return logEntry({
          time: epochTime(Number(row.get('ts'))),
          client: field(row, 'id.orig_h') ?? '',
          host: field(row, 'host'),
          request: zeekBytes(`${method} ${field(row, 'uri') ?? ''} HTTP/${field(row, 'version') ?? '1.1'}`),
          status: statusOrNull(row.get('status_code')),
          bytes: numberOrNull(row.get('response_body_len')),
          referer: field(row, 'referrer'),
          agent: field(row, 'user_agent'),
        });
      },
    };
  },
};

const zeekBytes = (text: string): string =>
  text.replace(/\\x([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
