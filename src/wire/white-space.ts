/**
 * A part of a text without the spaces and tabs around it. In linear time: a regular expression such as `[ \t]+$` starts again at
 * every blank of a run, so that a field with thousands of blanks would stall all connections for seconds.
 */
export function trimmed(text: string, from = 0, to = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09;
