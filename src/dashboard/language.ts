/** The language of the page, chosen by the server: by the switch, or by Accept-Language. */
import { dashboardWords } from '../words/dashboard.ts';
import { isLanguage, type Language, languages } from '../words/language.ts';
import { sayIn } from '../words/say.ts';

const { lang } = document.documentElement;
export const language: Language = isLanguage(lang) ? lang : languages[0];

/** All texts. */
export const t = dashboardWords[language];
/** Formats numbers and times. */
export const say = sayIn(language);

/** Each in its own language. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', ja: '日本語' };
/** On narrow screens. */
export const languageLetters: Readonly<Record<Language, string>> = { en: 'A', ja: 'あ' };

/** Stored in a cookie, so that the login page uses it too. */
export function choose(next: Language): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API needs HTTPS, and the dashboard has to work without
  document.cookie = `sekisho-language=${next}; Path=/; Max-Age=31536000; SameSite=Strict`;
  location.reload();
}
