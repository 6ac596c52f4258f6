/** How requests of HTTP/2 that are not served are recorded and answered. */
import type { Judged } from '../guard/checkpoint.ts';
import { allowed, refusal } from '../guard/refusal.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import type { Http2Connection } from './connection.ts';
import type { Response } from './response.ts';

const nothing = Buffer.alloc(0);

/** A request whose head is larger than `limits.headerBytes`, as it is judged. */
export const tooLarge = (request: HttpRequest, limit: number): HttpRequest => ({
  ...request,
  defects: [{ why: `a head longer than ${limit} bytes`, at: 0, overflow: true }],
});

/** Records a request of which nothing follows the head, or nothing is of interest. */
export function recordHead({ server, socket }: Http2Connection, judged: Judged): void {
  server.options.checkpoint.recordRead(judged, socket, nothing);
}

/** Records a request that is malformed after its head. @param text the malformed part, as evidence */
export function recordDefect(
  { server, socket }: Http2Connection,
  { request }: Judged,
  why: string,
  text: string,
): void {
  const { checkpoint } = server.options;
  const judged = checkpoint.judgeRead({ ...request, defects: [{ why, at: 0 }] }, socket);
  checkpoint.recordRead(judged, socket, Buffer.from(text, 'latin1'));
}

/** @param headers of the answer, besides the usual ones: name, value, name, value … */
export function answerRefusal(
  response: Response,
  { request, verdict }: Judged,
  status: number,
  headers: readonly string[],
): void {
  const { headers: own, body } = refusal(status, verdict.rule ?? 'framing', [
    ...headers,
    ...allowed(verdict),
  ]);
  response.own(status, own, body, request.method);
}
