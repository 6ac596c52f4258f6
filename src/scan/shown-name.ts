/**
 * A file name as it is shown to people. Whoever may put a file into the folder of the logs chooses its name: line ends in it
 * would forge lines of the report, escape sequences command the terminal, and marks of direction turn the line round.
 */
export const shownName = (file: string): string =>
  file.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\]/gu, (char) => {
    if (char === '\\') return '\\\\';
    const code = char.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
