/** Which format a log has: the one that reads most of its first lines. */
import { alb, envoyText, haproxy } from './formats/balancers.ts';
import { combined, errorLog, nginxProxyManager, zoraxy } from './formats/combined.ts';
import { customFormat } from './formats/custom.ts';
import { iisXml, w3c, zeekTsv } from './formats/fields.ts';
import { jsonFormats } from './formats/json.ts';
import { postfix } from './formats/postfix.ts';
import { squid, tinyproxy } from './formats/proxies.ts';
import type { LineFormat } from './line-format.ts';

/** Every format, the more particular ones first: of two that read equally much the first one wins. */
export const formats: readonly LineFormat[] = [
  ...jsonFormats,
  alb,
  envoyText,
  haproxy,
  nginxProxyManager,
  zoraxy,
  squid,
  tinyproxy,
  postfix,
  iisXml,
  w3c,
  zeekTsv,
  errorLog,
  combined,
];

/** So many lines decide. */
export const sampleLines = 50;

/**
 * The format of `--format`: an id, or a LogFormat or log_format string.
 *
 * @throws RangeError where it is neither, with the ids there are
 */
export function namedFormat(text: string): LineFormat {
  const known = formats.find(({ id }) => id === text);
  if (known !== undefined) return known;
  if (/[%$]/.test(text)) return customFormat(text);
  throw new RangeError(
    `no log format ${JSON.stringify(text)}: give a LogFormat or log_format string, or one of ${formats.map(({ id }) => id).join(', ')}`,
  );
}

/** Null where no format reads a single line. @param now see `LineFormat.open` */
export function detectFormat(lines: readonly string[], now: number): LineFormat | null {
  let best: LineFormat | null = null;
  let most = 0;
  for (const format of formats) {
    const parser = format.open(now);
    let read = 0;
    for (const line of lines.slice(0, sampleLines)) if (parser.parse(line) !== null) read++;
    if (read > most) {
      best = format;
      most = read;
    }
  }
  return best;
}
