/** The language of the page: the server chose it, by the switch or by what the browser asks for. */
import { dashboardWords } from '../words/dashboard.ts';
import { isLanguage, type Language, languages } from '../words/language.ts';
import { sayIn } from '../words/say.ts';

const { lang } = document.documentElement;
export const language: Language = isLanguage(lang) ? lang : languages[0];

/** What is said. */
export const t = dashboardWords[language];
/** How numbers and times are written. */
export const say = sayIn(language);

/** By its own name. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', ja: '日本語' };
/** Where there is no room for a name. */
export const languageLetters: Readonly<Record<Language, string>> = { en: 'A', ja: 'あ' };

/** Kept in a cookie: the page that asks for the token speaks it too. */
export function choose(next: Language): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API needs HTTPS, and the dashboard has to work without
  document.cookie = `sekisho-language=${next}; Path=/; Max-Age=31536000; SameSite=Strict`;
  location.reload();
}
