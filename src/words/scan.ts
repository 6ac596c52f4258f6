/** The texts of `sekisho scan` reports, by language. */
import type { Language } from './language.ts';
import { type ScanWords, scanInEnglish } from './scan-en.ts';
import { scanInJapanese } from './scan-ja.ts';

export const scanWords: Readonly<Record<Language, ScanWords>> = { en: scanInEnglish, ja: scanInJapanese };
