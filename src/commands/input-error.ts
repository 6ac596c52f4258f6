/** Reports input that a command can't use: what is wrong, and the fix. */
export function inputError(command: string, what: string, fix: string): void {
  process.stderr.write(`sekisho ${command}: ${what}\n  fix: ${fix}\n`);
}
