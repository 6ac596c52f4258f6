/** The token of RFC 9110 section 5.6.2, which methods and field names are made of. */

/**
 * Its characters, as the inside of a character class in a regular expression: `#-'` is `#$%&'`. Without backslashes, so that
 * other programs can read it too.
 */
export const tokenChars = "!#-'*+.^_`|~0-9A-Za-z-";

const token = new RegExp(`^[${tokenChars}]+$`);

export const isToken = (text: string): boolean => token.test(text);
