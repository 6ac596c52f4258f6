/** Formats of reports. */

/** Formats for one source. */
export const letterFormats = ['text', 'html', 'xarf'] as const;
/** Formats for one source or many. */
export const listFormats = ['abuseipdb', 'blocklist-de', 'stix', 'misp'] as const;

export type LetterFormat = (typeof letterFormats)[number];
export type ListFormat = (typeof listFormats)[number];
export type ReportFormat = LetterFormat | ListFormat;

export const reportFormats: readonly ReportFormat[] = [...letterFormats, ...listFormats];
