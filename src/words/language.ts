/** The supported languages, and how one is chosen. */

/** The first one is the default. */
export const languages = ['en', 'ja'] as const;
export type Language = (typeof languages)[number];

export const isLanguage = (text: unknown): text is Language => languages.includes(text as Language);

/** Most language ranges read from one header. */
const mostRanges = 20;

/** The supported language that an Accept-Language header (RFC 9110 section 12.5.4) prefers. */
export function acceptedLanguage(header: string): Language {
  let best: Language = languages[0];
  let weight = 0;
  for (const range of header.slice(0, 1000).split(',').slice(0, mostRanges)) {
    const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const language = tag.split('-', 1)[0];
    const q = parameters.find((one) => one.startsWith('q='))?.slice(2);
    const liked = q === undefined ? 1 : Number(q);
    // A q that is NaN or outside 0 to 1 is invalid: ignore the range.
    if (isLanguage(language) && liked > weight && liked <= 1) [best, weight] = [language, liked];
  }
  return best;
}

/** The language of the environment, in POSIX order: LC_ALL, LC_MESSAGES, LANG. `ja_JP.UTF-8` is Japanese. */
export function environmentLanguage(env: Readonly<Record<string, string | undefined>>): Language {
  const locale = [env.LC_ALL, env.LC_MESSAGES, env.LANG].find((one) => one !== undefined && one !== '');
  const language = locale?.split(/[_.@-]/, 1)[0]?.toLowerCase();
  return isLanguage(language) ? language : languages[0];
}
