import type { IncomingHttpHeaders } from 'node:http';
import { acceptedLanguage, isLanguage, type Language } from '../words/language.ts';

/** The language of a page: the one chosen with the switch (a cookie), or the one the browser prefers. */
export function requestLanguage({ cookie = '', ...headers }: IncomingHttpHeaders): Language {
  const chosen = /(?:^|;\s*)sekisho-language=([a-z]{2})(?:;|$)/.exec(cookie)?.[1];
  return isLanguage(chosen) ? chosen : acceptedLanguage(headers['accept-language'] ?? '');
}
