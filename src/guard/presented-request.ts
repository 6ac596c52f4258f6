/** What an application gets to see of a request that was judged harmless: the host and path it was judged by. */
import type { Verdict } from '../judge.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import type { Request } from './received.ts';

/**
 * Makes Node's request object agree with the verdict. Absolute-form becomes origin-form, and its authority the Host
 * (RFC 9112 section 3.2.2: the Host line is ignored), and a path of raw UTF-8 is percent-encoded; what was sent stays in
 * `originalUrl`. Fields that the verdict strips
 * leave `headers`, so that no framework believes them; `rawHeaders` stays as it came.
 */
export function presentTo(req: Request, { target, rawHeaders }: HttpRequest, verdict: Verdict): void {
  if (target !== verdict.path && verdict.path !== '') {
    (req as Request & { originalUrl?: string }).originalUrl = target;
    req.url = verdict.path;
    if (!target.startsWith('/')) req.headers.host = verdict.host;
  }
  for (const index of verdict.strip) delete req.headers[rawHeaders[index]!.toLowerCase()];
}
