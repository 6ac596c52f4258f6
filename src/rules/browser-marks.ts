/**
 * Header fields that only a browser sends. A web page can make its visitors send nearly any request for a name whose address is
 * ours: as an image, a form, a script. It can't remove these fields: the browser writes them, and most are forbidden to scripts
 * (the Fetch standard, "forbidden request-header").
 *
 * A probe that forges them is refused all the same; it only avoids the ban.
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
        // A browser can be set to send no language.
        if (is(name, 'user-agent') && rawHeaders[i + 1]!.startsWith('Mozilla/')) words = true;
        break;
      case 14:
        // Sent to trustworthy origins only: HTTPS and loopback.
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
