/** The first line of a generated page. */
export const generatedNote = (source: string): string =>
  `<!-- Generated from ${source} by \`npm run docs\`: change it there. -->\n`;
