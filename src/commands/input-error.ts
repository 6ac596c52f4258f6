/** A command was given something that it can't work with: says what, and the mend. */
export function inputError(command: string, what: string, mend: string): void {
  process.stderr.write(`sekisho ${command}: ${what}\n  mend: ${mend}\n`);
}
