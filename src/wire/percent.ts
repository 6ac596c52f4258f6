/** Decodes every %XX to one character per byte; any other % stays. For guesses at what a sender meant, never for what is forwarded. */
export const percentDecoded = (text: string): string =>
  text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
