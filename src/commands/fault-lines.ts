import type { Fault } from '../config/fault.ts';

/** `FILE:LINE: path: value`, the form that editors and terminals make a link of; what and how to fix it below. */
export function faultLines(file: string, { path, value, message, fix, line }: Fault): string {
  const where = [line === null ? file : `${file}:${line}`, path].filter((part) => part !== '').join(': ');
  const what = value === null ? message : `${JSON.stringify(value)} ${message}`;
  return `${where}\n  ${what}\n  fix: ${fix}`;
}
