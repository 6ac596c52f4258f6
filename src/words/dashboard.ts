/** The texts of the dashboard, by language. */
import { type DashboardWords, dashboardInEnglish } from './dashboard-en.ts';
import { dashboardInJapanese } from './dashboard-ja.ts';
import type { Language } from './language.ts';

export const dashboardWords: Readonly<Record<Language, DashboardWords>> = {
  en: dashboardInEnglish,
  ja: dashboardInJapanese,
};
