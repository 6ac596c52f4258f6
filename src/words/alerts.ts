/** The texts of alerts, by language. */
import { type AlertWords, alertsInEnglish } from './alerts-en.ts';
import { alertsInJapanese } from './alerts-ja.ts';
import type { Language } from './language.ts';

export const alertWords: Readonly<Record<Language, AlertWords>> = {
  en: alertsInEnglish,
  ja: alertsInJapanese,
};
