/** Detects the format of a log: the one that reads most of its first lines, once their wrapping is removed. */
import { alb, elb, envoyText, haproxy, haproxyTcp } from './formats/balancers.ts';
import { combined, nginxProxyManager, traefikClf, zoraxy } from './formats/combined.ts';
import { customFormat } from './formats/custom.ts';
import { apacheError, nginxError, squidCache } from './formats/error-logs.ts';
import { exim } from './formats/exim.ts';
import { cloudfront, iisXml, w3c, zeekTsv } from './formats/fields.ts';
import { jsonFormats } from './formats/json.ts';
import { morgan, pino } from './formats/node.ts';
import { opensmtpd } from './formats/opensmtpd.ts';
import { postfix } from './formats/postfix.ts';
import { squid, squidCombined, tinyproxy } from './formats/proxies.ts';
import { uvicorn, uwsgi, werkzeug } from './formats/python.ts';
import { sendmail } from './formats/sendmail.ts';
import { systemLog } from './formats/system-log.ts';
import type { LineFormat } from './line-format.ts';
import { collector, detectWrapping, openWrappings, type Wrapping } from './wrapping.ts';

/** Every format, specific ones first: in a tie the first one wins. */
export const formats: readonly LineFormat[] = [
  pino,
  ...jsonFormats,
  alb,
  elb,
  envoyText,
  haproxy,
  haproxyTcp,
  nginxProxyManager,
  zoraxy,
  squid,
  tinyproxy,
  postfix,
  exim,
  sendmail,
  opensmtpd,
  iisXml,
  cloudfront,
  w3c,
  zeekTsv,
  nginxError,
  apacheError,
  squidCache,
  uwsgi,
  werkzeug,
  uvicorn,
  traefikClf,
  squidCombined,
  combined,
  morgan,
  systemLog,
];

/** Lines that detection looks at. */
export const sampleLines = 50;

/**
 * The format named by `--format`: an id, or a LogFormat or log_format string.
 *
 * @throws RangeError if it is neither; the message lists the ids
 */
export function namedFormat(text: string): LineFormat {
  const known = formats.find(({ id }) => id === text);
  if (known !== undefined) return known;
  if (/[%$]/.test(text)) return customFormat(text);
  throw new RangeError(
    `no log format ${JSON.stringify(text)}: give a LogFormat or log_format string, or one of ${formats.map(({ id }) => id).join(', ')}`,
  );
}

export interface DetectedLog {
  /** Outermost first. */
  readonly wrapping: readonly Wrapping[];
  /** Null if no format reads a line. */
  readonly format: LineFormat | null;
}

/**
 * @param head the first bytes of a log, as latin1
 * @param named the given format; null: detect it
 * @param limit longest record, in characters
 */
export function detectLog(head: string, now: number, named: LineFormat | null, limit: number): DetectedLog {
  const lines = head
    .replace(/^\xef\xbb\xbf/, '')
    .split(/\r?\n/, sampleLines * 4)
    .filter((line) => line !== '');
  const wrapping = detectWrapping(lines, limit);
  const texts = lines.flatMap(openWrappings(wrapping, limit));
  if (named === null) return readable(wrapping, texts, now, limit);
  // A custom format may look like a wrapping.
  const bare = wrapping.length > 0 && linesRead(named, lines, now) > linesRead(named, texts, now);
  return { wrapping: bare ? [] : wrapping, format: named };
}

/** @param texts the lines without their wrapping */
function readable(
  wrapping: readonly Wrapping[],
  texts: readonly string[],
  now: number,
  limit: number,
): DetectedLog {
  const format = detectFormat(texts, now);
  if (format !== null) return { wrapping, format };
  const messages = texts.flatMap(openWrappings([collector], limit));
  const within = detectFormat(messages, now);
  return within === null ? { wrapping, format } : { wrapping: [...wrapping, collector], format: within };
}

/** Null if no format reads a line. @param now see `LineFormat.open` */
export function detectFormat(lines: readonly string[], now: number): LineFormat | null {
  let best: LineFormat | null = null;
  let most = 0;
  for (const format of formats) {
    if (format.fallback === true && best !== null) continue;
    const read = linesRead(format, lines, now);
    if (read > most) {
      best = format;
      most = read;
    }
  }
  return best;
}

function linesRead(format: LineFormat, lines: readonly string[], now: number): number {
  const parser = format.open(now);
  return lines.slice(0, sampleLines).filter((line) => parser.parse(line) !== null).length;
}
