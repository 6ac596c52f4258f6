/** Formats numbers, sizes, dates and times in a language. */
import type { Language } from './language.ts';

export interface Say {
  readonly language: Language;
  /** `12,345`. */
  amount(value: number): string;
  /** `9,999`; from ten thousand on `12.3K`. */
  short(value: number): string;

  /** `1.2 GiB`. */
  size(bytes: number): string;
  /** `14:03:59`. */
  clock(time: Date): string;
  /** `24 Nov`. */
  day(time: Date): string;
  /** `24 Nov 2026, 14:03:59`. */
  full(time: Date): string;
  /** With the time zone, to be found in logs: `27 Nov 2026, 14:03:59 UTC`. */
  zoned(time: Date): string;
  /** `14:00`. */
  minutes(time: Date): string;
  /** `AU` → `Australia`; an unknown code is returned unchanged. */
  country(code: string): string;
}

/** British English for day before month and the 24-hour clock. */
const locales: Readonly<Record<Language, string>> = { en: 'en-GB', ja: 'ja-JP' };

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

const made = new Map<Language, Say>();

export function sayIn(language: Language): Say {
  const known = made.get(language);
  if (known !== undefined) return known;
  const say = makeSay(language);
  made.set(language, say);
  return say;
}

function makeSay(language: Language): Say {
  const locale = locales[language];
  const numbers = new Intl.NumberFormat(language);
  const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
  const decimals = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

  const dates = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options);
  const clock = dates({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const minutes = dates({ hour: '2-digit', minute: '2-digit' });
  const day = dates({ day: 'numeric', month: 'short' });
  const full = dates({ dateStyle: 'medium', timeStyle: 'medium' });
  const zoned = dates({
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
  const regions = new Intl.DisplayNames(locale, { type: 'region', fallback: 'code' });
  const amount = (value: number): string => numbers.format(value);
  return {
    language,
    amount,
    short: (value) => (value < 10_000 ? amount(value) : compact.format(value)),

    size: (bytes) => {
      const step = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
      return `${decimals.format(bytes / 1024 ** step)} ${units[step]}`;
    },
    clock: (time) => clock.format(time),
    minutes: (time) => minutes.format(time),
    day: (time) => day.format(time),
    full: (time) => full.format(time),
    zoned: (time) => zoned.format(time),
    country: (code) => (/^[A-Z]{2}$/.test(code) ? (regions.of(code) ?? code) : code),
  };
}
