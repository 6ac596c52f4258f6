/**
 * A file name, escaped for display. Anyone who can create files in the log directory chooses their names: line ends would forge
 * lines of the report, escape sequences would control the terminal, and bidi marks would reverse the line.
 */
export const shownName = (file: string): string =>
  file.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu, (char) => {
    if (char === '\\') return '\\\\';
    const code = char.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
