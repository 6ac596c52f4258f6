/** The request as an application sees it after the verdict: with the host and path it was judged by. */
import type { Verdict } from '../judge.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import type { Request } from './received.ts';

/**
 * Makes Node's request object agree with the verdict. Absolute-form becomes origin-form and its authority becomes the Host
 * (RFC 9112 section 3.2.2: the Host line is ignored); raw UTF-8 in a path is percent-encoded. The original target stays in
 * `originalUrl`. Fields that the verdict strips are removed from `headers`, so that no framework believes them; `rawHeaders` is
 * unchanged.
 */
export function presentTo(req: Request, { target, rawHeaders }: HttpRequest, verdict: Verdict): void {
  if (target !== verdict.path && verdict.path !== '') {
    (req as Request & { originalUrl?: string }).originalUrl = target;
    req.url = verdict.path;
    if (!target.startsWith('/')) req.headers.host = verdict.host;
  }
  for (const index of verdict.strip) delete req.headers[rawHeaders[index]!.toLowerCase()];
}
