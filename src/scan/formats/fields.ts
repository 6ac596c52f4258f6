/** Logs that name their own fields: W3C extended (IIS, CloudFront), Zeek's http.log, and IIS events as XML. */
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
    host: field(row, 'cs-host', 'cs(Host)', 'x-host-header'),
    request: `${field(row, 'cs-method') ?? '-'} ${stem}${query === null ? '' : `?${query}`} ${field(row, 'cs-version', 'cs-protocol-version') ?? 'HTTP/1.1'}`,
    status: statusOrNull(row.get('sc-status')),
    bytes: numberOrNull(row.get('sc-bytes')),
    // IIS counts milliseconds, CloudFront seconds with a fraction.
    duration: taken === null ? null : row.get('time-taken')!.includes('.') ? taken * 1000 : taken,
    referer: field(row, 'cs(Referer)', 'csReferer'),
    agent: field(row, 'cs(User-Agent)', 'csUser-Agent')?.replaceAll('+', ' ') ?? null,
  });
}

export const w3c: LineFormat = {
  id: 'w3c',
  title: 'W3C extended (IIS)',
  open() {
    let names: string[] | null = null;
    return {
      parse(text) {
        if (text.startsWith('#')) {
          const fields = /^#Fields:\s*(.*)$/i.exec(text);
          if (fields !== null) names = fields[1]!.trim().split(/\s+/);
          return /^#(?:Software|Version|Date|Start-Date|End-Date|Fields|Remark):/i.test(text) ? 'skip' : null;
        }
        if (names === null) return null;
        const values = text.includes('\t') ? text.split('\t') : text.trim().split(' ');
        if (values.length !== names.length) return null;
        return w3cEntry(new Map(names.map((name, i) => [name, values[i]!])));
      },
    };
  },
};

export const iisXml: LineFormat = {
  id: 'iis-xml',
  title: 'IIS events as XML',
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

export const zeekTsv: LineFormat = {
  id: 'zeek-tsv',
  title: 'Zeek http.log',
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
        if (names === null || !names.includes('method')) return null;
        const values = text.split('\t');
        if (values.length !== names.length) return null;
        const row: Row = new Map(names.map((name, i) => [name, values[i] === '(empty)' ? '' : values[i]!]));
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
