import type { Fault } from '../config/fault.ts';

/** `FILE:LINE: path`, which editors and terminals turn into a link; below it what is wrong and the fix. */
export function faultLines(file: string, { path, value, message, fix, line }: Fault): string {
  const where = [line === null ? file : `${file}:${line}`, path].filter((part) => part !== '').join(': ');
  const what = value === null ? message : `${JSON.stringify(value)} ${message}`;
  return `${where}\n  ${what}\n  fix: ${fix}`;
}
