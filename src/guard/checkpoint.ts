/**
 * Stands at an HTTP server and sees every layer of it: requests, CONNECT, upgrades, and bytes that the parser gave up
 * on. What is judged harmless goes on to whoever listened before; everything else is answered here.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { EventSink } from '../events/event.ts';
import { probeEvent } from '../events/probe-event.ts';
import { denied, judge, judgeFirstBytes, type Verdict } from '../judge.ts';
import type { Policy } from '../rules/policy.ts';
import { classifyFirstBytes } from '../wire/first-bytes.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { headText } from '../wire/message-text.ts';
import { parseRequestHead } from '../wire/request-head.ts';
import { type Client, type ClientRules, clientOf, peerOf } from './client.ts';
import { collectEvidence, evidenceTime } from './evidence.ts';
import { refusal, refusalBytes } from './refusal.ts';

export interface CheckpointOptions {
  readonly policy: Policy;
  readonly clients: ClientRules;
  /** Whether a client prefix is banned at this moment. */
  readonly isBanned?: (prefix: string) => boolean;
  /** Gets every flagged and blocked request. */
  readonly onEvent: EventSink;
  /** Told of an error inside a check; the request it happened on is denied. */
  readonly onError: (error: unknown) => void;
}

/** What the checkpoint found out about a request, kept on it. */
export interface Judged {
  readonly verdict: Verdict;
  readonly client: Client;
}

const judged = Symbol('sekisho.judged');
/** The exchange a socket carries at the moment: an answer to anything else on it has to wait for its end. */
const current = Symbol('sekisho.current');

type GuardedRequest = IncomingMessage & { [judged]?: Judged };
type GuardedSocket = Socket & {
  [current]?: { req: IncomingMessage; res: ServerResponse };
  refused?: boolean;
};

export class Checkpoint {
  #policy: Policy;
  #clients: ClientRules;
  readonly #isBanned: (prefix: string) => boolean;
  readonly #onEvent: EventSink;
  readonly #onError: (error: unknown) => void;

  constructor(options: CheckpointOptions) {
    this.#policy = options.policy;
    this.#clients = options.clients;
    this.#isBanned = options.isBanned ?? (() => false);
    this.#onEvent = options.onEvent;
    this.#onError = options.onError;
  }

  /** Puts another policy in force, for requests that come from now on. */
  replace(policy: Policy, clients: ClientRules): void {
    this.#policy = policy;
    this.#clients = clients;
  }

  /**
   * Takes its place before everything that listens on the server now. Call it once a server, after the listeners of
   * the application are there.
   */
  attach(server: Server): void {
    const listeners = server.listeners('request') as ((req: IncomingMessage, res: ServerResponse) => void)[];
    server.removeAllListeners('request');
    const onRequest = (req: IncomingMessage, res: ServerResponse) => {
      (req.socket as GuardedSocket)[current] = { req, res };
      const { verdict, client } = this.judge(req);
      if (verdict.action === 'block') this.refuse(req, res, verdict, client);
      else for (const listener of listeners) listener.call(server, req, res);
    };
    server.on('request', onRequest);
    // Without a listener Node answers `100 Continue` itself, before anybody has judged.
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', (req, res) => {
      const { verdict, client } = this.judge(req);
      if (verdict.action === 'block') this.refuse(req, res, verdict, client);
      else res.writeHead(417, { 'Content-Length': 0, Connection: 'close' }).end();
    });
    server.on('connect', (req, socket, head) => {
      const { verdict, client } = this.judge(req);
      this.refuseSocket(socket as Socket, headText(httpRequest(req)), head, verdict, client);
    });
    server.removeAllListeners('clientError');
    server.on('clientError', (error: ParserError, socket) => this.#badBytes(error, socket as Socket));
  }

  /** The verdict on a request; judged once, however often it is asked for. */
  judge(req: IncomingMessage): Judged {
    const known = (req as GuardedRequest)[judged];
    if (known !== undefined) return known;
    const client = this.#standing(req.socket, req.rawHeaders);
    const verdict = this.#verdict(() => judge(httpRequest(req), this.#policy, client));
    const result = { verdict, client };
    (req as GuardedRequest)[judged] = result;
    if (verdict.action === 'flag') this.#report(req.socket, client, verdict, headText(httpRequest(req)), '');
    return result;
  }

  /** Answers a request that may not pass, keeps what it still sends as evidence, closes the connection. */
  refuse(req: IncomingMessage, res: ServerResponse, verdict: Verdict, client: Client): void {
    const { socket } = req;
    const head = headText(httpRequest(req));
    const rule = verdict.rule ?? 'framing';
    const listener = listenerName(socket);
    const report = (body: string) => this.#report(socket, client, verdict, head, body, listener);
    res.on('error', ignore);
    if (verdict.answer === 'drop') {
      report('');
      socket.destroy();
      return;
    }
    const { status, reason, headers, body } = refusal(verdict.answer ?? 400, rule);
    res.writeHead(status, reason, headers as string[]);
    res.write(body);
    if (req.complete || !announcesBody(req)) {
      report('');
      res.end();
      req.resume();
      return;
    }
    collectEvidence(req, (evidence) => {
      report(evidence);
      res.end();
      // A body that never ends would hold the connection open behind its answer.
      setTimeout(() => socket.destroy(), evidenceTime).unref();
    });
  }

  /** The same on a bare socket: CONNECT, and bytes that are no HTTP. */
  refuseSocket(socket: Socket, head: string, rest: Buffer, verdict: Verdict, client: Client): void {
    const listener = listenerName(socket);
    const rule = verdict.rule ?? 'framing';
    socket.on('error', ignore);
    const report = (body: string) =>
      this.#report(socket, client, verdict, head, rest.toString('latin1') + body, listener);
    // An answer now would be taken for that of the request before it: better none.
    if (verdict.answer === 'drop' || isBusy(socket)) {
      report('');
      socket.destroy();
      return;
    }
    socket.end(refusalBytes(verdict.answer ?? 400, rule));
    collectEvidence(socket, (body) => {
      report(body);
      socket.destroy();
    });
  }

  #badBytes(error: ParserError, socket: Socket): void {
    const guarded = socket as GuardedSocket;
    // The parser reports again on whatever still comes in behind an error.
    if (guarded.refused || socket.destroyed) return;
    guarded.refused = true;
    socket.on('error', ignore);
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const exchange = guarded[current];
    if (exchange !== undefined && isBusy(socket) && exchange.req.complete) {
      // The request before it is whole and has its answer coming; this one is answered behind it.
      exchange.res.once('close', () => this.#answerBadBytes(error, socket, false));
    } else this.#answerBadBytes(error, socket, exchange !== undefined && isBusy(socket));
  }

  /** @param within the bytes belong to the body of a request that is being served */
  #answerBadBytes(error: ParserError, socket: Socket, within: boolean): void {
    const { rawPacket, code } = error;
    const client = this.#standing(socket, []);
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
      socket.end('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    // The client went away in the middle: nothing malformed was sent, and nobody is left to read an answer.
    if (rawPacket === undefined || rawPacket.length === 0) {
      socket.destroy();
      return;
    }
    const verdict = this.#verdict(() =>
      this.#judgeBytes(error, rawPacket, socket.bytesRead === rawPacket.length),
    );
    this.#report(socket, client, verdict, rawPacket.toString('latin1'), '');
    const started = within && (socket as GuardedSocket)[current]?.res.headersSent === true;
    if (verdict.answer === 'drop' || started) {
      socket.destroy();
      return;
    }
    const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : (verdict.answer ?? 400);
    socket.end(refusalBytes(status, verdict.rule ?? 'framing'));
    setTimeout(() => socket.destroy(), evidenceTime).unref();
  }

  #judgeBytes(error: ParserError, bytes: Buffer, first: boolean): Verdict {
    const policy = this.#policy;
    if (first) {
      const other = judgeFirstBytes(classifyFirstBytes(bytes), policy);
      if (other !== null) return other;
    }
    const defect = { why: error.reason ?? 'the bytes are no HTTP request', at: error.bytesParsed ?? 0 };
    const head = first ? parseRequestHead(bytes) : null;
    if (head === null) return judge({ ...nothing, defects: [defect] }, policy);
    const { defects, ...request } = head;
    const verdict = judge(defects.length > 0 ? { ...request, defects } : request, policy);
    // Whatever else was seen or not: the parser refused it, so it is refused.
    return verdict.action === 'block'
      ? verdict
      : judge({ ...request, defects: [...defects, defect] }, policy);
  }

  #verdict(decide: () => Verdict): Verdict {
    try {
      return decide();
    } catch (error) {
      this.#onError(error);
      return denied(this.#policy);
    }
  }

  #standing(socket: Socket, rawHeaders: readonly string[]): Client {
    const client = clientOf(peerOf(socket, this.#clients), rawHeaders, this.#clients);
    return !client.allowed && this.#isBanned(client.prefix) ? { ...client, banned: true } : client;
  }

  #report(
    socket: Socket,
    client: Client,
    verdict: Verdict,
    head: string,
    body: string,
    listener = listenerName(socket),
  ): void {
    this.#onEvent(probeEvent({ time: Date.now(), listener, client: client.address, verdict, head, body }));
  }
}

/** What Node's parser tells about bytes it could not read. */
interface ParserError extends Error {
  readonly code?: string;
  readonly reason?: string;
  readonly bytesParsed?: number;
  readonly rawPacket?: Buffer;
}

const nothing: HttpRequest = { method: '', target: '', version: '1.0', rawHeaders: [] };

const httpRequest = (req: IncomingMessage): HttpRequest => ({
  method: req.method!,
  target: req.url!,
  version: req.httpVersion,
  rawHeaders: req.rawHeaders,
});

const isBusy = (socket: GuardedSocket): boolean => {
  const res = socket[current]?.res;
  return res !== undefined && !res.writableFinished && !res.destroyed;
};

const announcesBody = (req: IncomingMessage): boolean =>
  req.headers['transfer-encoding'] !== undefined || (req.headers['content-length'] ?? '0') !== '0';

const listenerName = (socket: Socket): string => {
  const { localAddress = '?', localPort = 0 } = socket;
  const host = localAddress.includes(':') ? `[${localAddress}]` : localAddress;
  return `${'encrypted' in socket ? 'https' : 'http'} ${host}:${localPort}`;
};

const ignore = (): void => {};
