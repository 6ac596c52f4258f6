/** A command was given something that it can't work with: says what, and the fix. */
export function inputError(command: string, what: string, fix: string): void {
  process.stderr.write(`sekisho ${command}: ${what}\n  fix: ${fix}\n`);
}
