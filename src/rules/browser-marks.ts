/**
 * The marks of a browser. A web page can have its visitors send nearly any request for a name that leads here: as an image, a
 * form, a script. It can't take these fields out of them: they are written by the browser, and most are forbidden to scripts
 * (the Fetch standard, "forbidden request-header").
 *
 * Whoever forges them gains nothing but time: what he sends is refused all the same.
 */
import { is } from '../wire/field-names.ts';

/** @param rawHeaders name, value, name, value … */
export function hasBrowserMarks(rawHeaders: readonly string[]): boolean {
  let encoding = false;
  let words = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    switch (name.length) {
      case 10:
        // A browser may be set up to name no language.
        if (is(name, 'user-agent') && rawHeaders[i + 1]!.startsWith('Mozilla/')) words = true;
        break;
      case 14:
        // Written for addresses that can be trusted only: HTTPS and loopback.
        if (is(name, 'sec-fetch-site') || is(name, 'sec-fetch-mode')) return true;
        break;
      case 15:
        if (is(name, 'accept-encoding')) encoding = true;
        else if (is(name, 'accept-language')) words = true;
        break;
    }
  }
  return encoding && words;
}
