/** Answers to refused senders. They never look like a success and contain no word that a banner scanner matches. */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Verdict } from '../judge.ts';
import { lingeringClose } from '../lingering-close.ts';
import { type Answer, catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';
import { methodsOf } from '../rules/policy.ts';
import { errorCodes } from '../wire/h2-faults.ts';
import { collectEvidence, evidenceTime } from './evidence-collector.ts';
import { hasBody, isHttp2, isStandIn, type Request, type Response } from './received.ts';

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  /** name, value, name, value …; without Connection, which HTTP/2 forbids. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** A custom body instead of the usual words. */
export interface RefusalBody {
  /** Content-Type. */
  readonly type: string;
  readonly bytes: Buffer;
}

/** Scanners take a line with one of these words for the greeting of that service. */
export const bannerWords = /ftp|ssh|smtp|pop3|imap/i;

/** @param own null: the usual words */
function worded(usual: Refusal, own: RefusalBody | null): Refusal {
  if (own === null) return usual;
  const [, , , , ...others] = usual.headers;
  const headers = ['Content-Type', own.type, 'Content-Length', String(own.bytes.length), ...others];
  return { ...usual, headers, body: own.bytes.toString('latin1') };
}

/** The Allow of a 405 (RFC 9110 section 15.5.6), unless the site has its own list of methods. */
const offered = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** The Allow field of a 405, where the config narrows the methods of the site: name, value. */
export function allowed({ site, answer }: Verdict): readonly string[] {
  if (answer !== 405 || site === null || offered.every((method) => methodsOf(site).has(method))) return [];
  return ['Allow', [...methodsOf(site)].slice(0, 32).join(', ')];
}

/**
 * @param status 4xx or 5xx
 * @param rule named in the body so that an operator can look it up; nothing from the request is repeated
 * @param further headers: name, value, name, value …
 */
export function refusal(status: number, rule: RuleId, further: readonly string[] = []): Refusal {
  const reason = STATUS_CODES[status] ?? 'Refused';
  const title = `${(catalogue[rule] as Rule).title} [${rule}]`;
  const body = `${status} ${reason}\n${bannerWords.test(title) ? '' : `Refused: ${title}.\n`}`;
  const headers = [
    'Content-Type',
    'text/plain; charset=utf-8',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    ...further,
  ];
  if (status === 405 && !further.includes('Allow')) headers.push('Allow', offered.join(', '));
  return { status, reason, headers, body };
}

/**
 * A refusal as one HTTP/1 message, for a socket without a response object.
 *
 * @param method of the request: an answer to HEAD has no body
 */
export function refusalBytes(
  status: number,
  rule: RuleId,
  further: readonly string[] = [],
  method = '',
): string {
  const { reason, headers, body } = refusal(status, rule, further);
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}Connection: close\r\nDate: ${new Date().toUTCString()}\r\n\r\n${method === 'HEAD' ? '' : body}`;
}

/**
 * Answers a refused request at once, collects what it still sends as evidence, and closes: with HTTP/1 the connection; with HTTP/2
 * the stream, and the connection once its other streams are done.
 *
 * @param done called once, with the body as far as it was read (latin1)
 * @param further headers of the answer: name, value, name, value …
 * @param own a body instead of the usual words
 */
export function refuse(
  req: Request,
  res: Response,
  answer: Answer,
  rule: RuleId,
  done: (body: string) => void,
  further: readonly string[] = [],
  own: RefusalBody | null = null,
): void {
  res.on('error', ignore);
  if (answer === 'drop') {
    done('');
    cutOff(req, res);
    return;
  }
  const whole = req.complete || !hasBody(req) || typeof req.on !== 'function';
  answerWith(req, res, worded(refusal(answer, rule, further), own), whole);
  if (whole) {
    done('');
    req.resume?.();
    if (isHttp2(req)) req.stream.session?.close();
    return;
  }
  collectEvidence(req, (evidence) => {
    done(evidence);
    res.end();
    // A body that never ends would hold the connection open after its answer. An injected request has no connection.
    if (!isStandIn(req)) setTimeout(cutOff, evidenceTime, req, res).unref();
    if (isHttp2(req)) req.stream.session?.close();
  });
}

/** @param whole the request is complete: the answer ends at once and goes out in one write */
function answerWith(
  req: Request,
  res: Response,
  { status, reason, headers, body }: Refusal,
  whole: boolean,
): void {
  if (isHttp2(req)) {
    const h2 = res as Exclude<Response, ServerResponse>;
    h2.writeHead(status, headers as string[]);
    if (req.method !== 'HEAD') h2.write(Buffer.from(body, 'latin1'));
    if (whole) h2.end();
    return;
  }
  const h1 = res as ServerResponse;
  h1.writeHead(status, reason, [...headers, 'Connection', 'close']);
  if (whole) h1.end(body, 'latin1');
  else h1.write(body, 'latin1');
}

/**
 * Answers on a bare HTTP/1 socket and closes it; what the sender still sends is not collected.
 *
 * @param method of the request, where it is known
 */
export function answerSocket(
  socket: Socket,
  answer: Answer,
  rule: RuleId,
  further: readonly string[] = [],
  method = '',
): void {
  socket.on('error', ignore);
  if (answer === 'drop') {
    socket.destroy();
    return;
  }
  lingeringClose(socket, refusalBytes(answer, rule, further, method));
}

/**
 * Answers on a bare HTTP/1 socket and collects the rest of the request as evidence.
 *
 * @param done called once, with the bytes that were read (latin1)
 * @param tunnel the request asked for a tunnel (CONNECT, an upgrade): our side ends at once
 */
export function refuseSocket(
  socket: Socket,
  answer: Answer,
  rule: RuleId,
  done: (body: string) => void,
  further: readonly string[] = [],
  { method, tunnel }: { readonly method: string; readonly tunnel: boolean } = { method: '', tunnel: true },
): void {
  socket.on('error', ignore);
  if (answer === 'drop') {
    done('');
    socket.destroy();
    return;
  }
  const bytes = refusalBytes(answer, rule, further, method);
  if (tunnel) socket.end(bytes);
  else socket.write(bytes);
  collectEvidence(socket, (body) => {
    done(body);
    if (tunnel) socket.destroy();
    else lingeringClose(socket);
  });
}

/**
 * Behind a balancer the other streams of an HTTP/2 connection may belong to other clients: only this stream ends at once. An
 * injected request fails, so that its caller does not wait for an answer.
 */
function cutOff(req: Request, res: Response): void {
  if (!isHttp2(req)) {
    if (isStandIn(req)) res.destroy();
    else req.socket.destroy();
    return;
  }
  req.stream.close(errorCodes.cancel);
  req.stream.session?.close();
}

const ignore = (): void => {};
