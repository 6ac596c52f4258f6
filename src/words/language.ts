/** Which language somebody is spoken to in. */

/** The first one is spoken where no other is asked for. */
export const languages = ['en', 'ja'] as const;
export type Language = (typeof languages)[number];

export const isLanguage = (text: unknown): text is Language => languages.includes(text as Language);

/** Ranges of one header that are looked at. */
const mostRanges = 20;

/** Of an Accept-Language header (RFC 9110 section 12.5.4): the spoken one that is liked best. */
export function acceptedLanguage(header: string): Language {
  let best: Language = languages[0];
  let weight = 0;
  for (const range of header.slice(0, 1000).split(',').slice(0, mostRanges)) {
    const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const language = tag.split('-', 1)[0];
    const q = parameters.find((one) => one.startsWith('q='))?.slice(2);
    const liked = q === undefined ? 1 : Number(q);
    // Written NaN or outside of 0 to 1 it is not what the header may hold.
    if (isLanguage(language) && liked > weight && liked <= 1) [best, weight] = [language, liked];
  }
  return best;
}

/** Of the environment of a command, as POSIX has it: LC_ALL before LC_MESSAGES before LANG. `ja_JP.UTF-8` is Japanese. */
export function environmentLanguage(env: Readonly<Record<string, string | undefined>>): Language {
  const locale = [env.LC_ALL, env.LC_MESSAGES, env.LANG].find((one) => one !== undefined && one !== '');
  const language = locale?.split(/[_.@-]/, 1)[0]?.toLowerCase();
  return isLanguage(language) ? language : languages[0];
}
