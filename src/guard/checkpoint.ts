/**
 * Stands before an HTTP server and sees every layer of it: requests of HTTP/1 and HTTP/2, CONNECT, upgrades, and bytes
 * that the parser gave up on. What is judged harmless goes on to whoever listens; everything else is answered here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { codedError } from '../errors.ts';
import type { Counters } from '../events/counters.ts';
import type { EventSink } from '../events/event.ts';
import { evidenceLimit, probeEvent, type Sighting } from '../events/probe-event.ts';
import { banned, denied, judge, type Verdict } from '../judge.ts';
import { lingeringClose } from '../lingering-close.ts';
import type { Policy } from '../rules/policy.ts';
import { is } from '../wire/field-names.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { headText, requestLine } from '../wire/message-text.ts';
import { judgeBytes, type ParserError } from './bad-bytes.ts';
import type { CheckpointOptions, Exemption } from './checkpoint-options.ts';
import {
  type Client,
  type ClientRules,
  certificateNameOf,
  clientOf,
  namePeer,
  type PeerSocket,
  peerOf,
} from './client.ts';
import { presentTo } from './presented.ts';
import {
  connectionOf,
  isHttp2,
  isStandIn,
  listenerName,
  type Request,
  type Response,
  received,
} from './received.ts';
import { answerSocket, type RefusalBody, refuse, refuseSocket } from './refusal.ts';
import { messageStart, requestLineDefects } from './request-line.ts';
import { type Emit, type HttpServer, requestEvents, solicited } from './server-events.ts';
import { type ShapeAnswer, shapedAnswer } from './shaped-answer.ts';
import { beginExchange, endBehind, exchangeOn, inTurn, isBusy, isLast } from './turn.ts';

/** What the checkpoint found out about a request, kept on it. */
export interface Judged {
  /** The request as it came; what a plugin changes on Node's request object later is not in it. */
  readonly request: HttpRequest;
  readonly verdict: Verdict;
  /** Whom it is counted for. */
  readonly client: Client;
  /** Address at the other end of the connection; behind a trusted proxy that proxy's. */
  readonly peer: string;
  /** Whom the verified certificate of the peer names (RFC 4514); null: it has shown none. */
  readonly certificate: string | null;
}

const judged = Symbol('sekisho.judged');
const reported = Symbol('sekisho.reported');
const guarded = Symbol('sekisho.guarded');

type GuardedRequest = Request & { [judged]?: Judged; [reported]?: true };
type GuardedSocket = Socket & { refused?: boolean };

export class Checkpoint {
  #policy: Policy;
  #clients: ClientRules;
  readonly #exempt: Exemption | undefined;
  readonly #isBanned: (prefix: string) => boolean;
  readonly #onEvent: EventSink;
  readonly #onError: (error: unknown) => void;
  readonly #counters: Counters | undefined;
  readonly #answer: ShapeAnswer | undefined;
  #untimed = 0;

  constructor(options: CheckpointOptions) {
    this.#policy = options.policy;
    this.#clients = options.clients;
    this.#exempt = options.exempt;
    this.#isBanned = options.isBanned ?? (() => false);
    this.#onEvent = options.onEvent;
    this.#onError = options.onError;
    this.#counters = options.counters;
    this.#answer = options.answer;
  }

  /** Puts another policy in force, for requests that come from now on. */
  replace(policy: Policy, clients: ClientRules): void {
    this.#policy = policy;
    this.#clients = clients;
  }

  /**
   * Takes its place before every listener of the server, whenever that was or will be added: an event that a listener
   * gets has passed here first.
   *
   * @returns lets everything pass unjudged again
   * @throws Error where a checkpoint stands before the server already
   */
  attach(server: HttpServer & { [guarded]?: boolean }): () => void {
    if (server[guarded])
      throw codedError(
        'SEKISHO_ERR_GUARDED_ALREADY',
        'a checkpoint stands before this server already: register relayGuard once, at the root of the app',
      );
    server[guarded] = true;
    for (const event of solicited) server.on(event, ignore);
    const others = (event: string): boolean => server.listenerCount(event) > 1;
    const emit: Emit = server.emit.bind(server);
    const guard: Emit = (event, ...args) => {
      if (!server[guarded]) return emit(event, ...args);
      const [req, res] = args as [Request, Response];
      // RFC 9112 section 9.6: what was sent behind a request whose answer closes the connection is not processed.
      if (requestEvents.has(event) && req.socket != null) {
        if ((req.socket as GuardedSocket).refused === true || isLast(req.socket)) return true;
      }
      switch (event) {
        case 'request':
          return !this.admit(req, res) || emit(event, req, res);
        case 'checkContinue':
          if (!this.admit(req, res)) return true;
          if (others(event)) return emit(event, req, res);
          // Node throws where the client has taken its request back by now.
          if (!isHttp2(req) || !req.stream.closed) res.writeContinue();
          return emit('request', req, res);
        case 'checkExpectation':
          if (!this.admit(req, res)) return true;
          if (others(event)) return emit(event, req, res);
          res.statusCode = 417;
          res.end();
          return true;
        case 'connect':
          if (!isHttp2(req)) {
            const [, socket, rest] = args as [Request, Socket, Buffer];
            inTurn(socket, () => this.#refuseSocket(socket, this.judge(req), rest));
            return true;
          }
          if (!this.admit(req, res)) return true;
          // Extended CONNECT to a site with WebSocket (RFC 8441): the application's to answer.
          if (others(event)) return emit(event, req, res);
          res.statusCode = 501;
          res.end();
          return true;
        case 'upgrade': {
          const [request, socket, rest] = args as [IncomingMessage, Socket, Buffer];
          // Nothing that came over a wire: an app that talks to itself, as the tests of some do.
          if (isStandIn(request)) return emit(event, ...args);
          inTurn(socket, () => {
            if (this.#admitUpgrade(request, socket, rest) && !socket.destroyed) emit(event, ...args);
          });
          return true;
        }
        case 'clientError':
          return this.#refuseBytes(args[0] as ParserError, args[1] as Socket) || emit(event, ...args);
        default:
          return emit(event, ...args);
      }
    };
    server.emit = guard as typeof server.emit;
    return () => {
      server[guarded] = false;
      for (const event of solicited) server.off(event, ignore);
      if (server.emit === guard) server.emit = emit;
    };
  }

  /** A balancer has said whom it speaks for on this connection (PROXY protocol). */
  onClient(socket: Socket, address: string): void {
    namePeer(socket, address, this.#clients);
  }

  /** Whom a connection is counted for, before it has sent anything. */
  clientAt(socket: Socket): Client {
    return peerOf(socket, this.#clients);
  }

  /** Whether a connection may be made: not by a client whose ban is answered with `drop`. */
  mayConnect(socket: Socket): boolean {
    const client = peerOf(socket, this.#clients);
    if (client.trusted || client.allowed || this.#policy.rules['client-banned'].answer !== 'drop')
      return true;
    if (!this.#isBanned(client.prefix)) return true;
    this.#report(socket, client, banned(this.#policy), '', '');
    return false;
  }

  /**
   * Turns a banned client away before anything it sent is read: records, answers, and closes the connection. Cheap enough to be
   * asked for each request.
   *
   * @returns false where it may be read; whom a trusted proxy speaks for, its requests tell
   */
  turnAway(socket: Socket): boolean {
    const client = peerOf(socket, this.#clients);
    if (client.trusted || client.allowed || !this.#isBanned(client.prefix)) return false;
    const verdict = banned(this.#policy);
    this.#counters?.request('', verdict.action);
    this.#report(socket, client, verdict, '', '');
    answerSocket(socket, verdict.answer ?? 403, 'client-banned');
    return true;
  }

  /**
   * Judges a request that reached the server. True: it may go on, and names the host and path it was judged by; false:
   * it was answered.
   */
  admit(req: Request, res: Response): boolean {
    if (!isHttp2(req)) beginExchange(req.socket, { req, res });
    const { request, verdict } = this.judge(req);
    if (verdict.action === 'block') {
      this.refuse(req, res);
      return false;
    }
    this.#reportFlags(req);
    if (!isHttp2(req) && req.headers.upgrade !== undefined) endBehind(req, res as ServerResponse);
    presentTo(req, request, verdict);
    return true;
  }

  /**
   * The verdict on a request; judged once, however often it is asked for.
   *
   * @param known what is known better than Node's request object tells it
   */
  judge(req: Request, known?: Partial<HttpRequest>): Judged {
    const before = (req as GuardedRequest)[judged];
    if (before !== undefined) return before;
    const timed = (this.#untimed++ & 15) === 0;
    const start = timed ? performance.now() : 0;
    const facts = received(req);
    const more = known ?? (isHttp2(req) ? undefined : requestLineDefects(req));
    const result = this.#judged(more === undefined ? facts : { ...facts, ...more }, req.socket ?? {});
    this.#counters?.request(result.verdict.site?.name ?? '', result.verdict.action);
    if (timed) this.#counters?.judge.observe((performance.now() - start) / 1000);
    (req as GuardedRequest)[judged] = result;
    return result;
  }

  /** The verdict on a request that was read from the socket without a server. Counted by whoever acts on it. */
  judgeRead(request: HttpRequest, socket: PeerSocket): Judged {
    return this.#judged(request, socket);
  }

  /**
   * Counts such a request that may pass, and reports one that was flagged.
   *
   * @param start when it came, `performance.now`
   */
  passed({ request, verdict, client }: Judged, socket: Socket, start: number): void {
    this.#counters?.request(verdict.site?.name ?? '', verdict.action);
    if ((this.#untimed++ & 15) === 0) this.#counters?.judge.observe((performance.now() - start) / 1000);
    if (verdict.action === 'flag') this.#report(socket, client, verdict, headText(request), '');
  }

  /**
   * Counts such a request that may not pass, answers it, keeps what it still sends as evidence, and closes the connection.
   *
   * @param rest what came in behind its head
   * @param whole nothing more of it comes
   * @param headers of the answer, besides those it has anyway: name, value, name, value …
   */
  refuseRead(
    socket: Socket,
    judged: Judged,
    rest: Buffer,
    whole: boolean,
    headers: readonly string[] = [],
  ): void {
    const { request, verdict, client } = judged;
    this.#counters?.request(verdict.site?.name ?? '', verdict.action);
    // Whom a trusted proxy speaks for is known by the head; what else a banned one sends is neither kept nor waited for.
    if (whole || isOfBanned(verdict)) {
      const body = isOfBanned(verdict) ? '' : rest.toString('latin1');
      this.#report(socket, client, verdict, evidenceOf(judged), body);
      answerSocket(socket, verdict.answer ?? 400, verdict.rule ?? 'framing', headers, request.method);
    } else this.#refuseSocket(socket, judged, rest, headers);
  }

  /** Records such a request, whose client did not wait for an answer. */
  recordRead(judged: Judged, socket: Socket, rest: Buffer): void {
    const { verdict, client } = judged;
    this.#counters?.request(verdict.site?.name ?? '', verdict.action);
    if (verdict.action !== 'allow')
      this.#report(socket, client, verdict, evidenceOf(judged), rest.toString('latin1'));
  }

  /**
   * Answers bytes that are no request, and closes the connection.
   *
   * @param first the connection begins with them
   */
  refuseBytes(socket: Socket, bytes: Buffer, first: boolean): void {
    const verdict = this.recordBytes(socket, bytes, first);
    answerSocket(socket, verdict.answer ?? 400, verdict.rule ?? 'framing');
  }

  /** Records bytes that are no request. */
  recordBytes(socket: Socket, bytes: Buffer, first: boolean): Verdict {
    return this.#recordFault(new Error('no request'), bytes, socket, { whole: true, first });
  }

  /**
   * Records frames of HTTP/2 that are none, or too many.
   *
   * @param meant no web page can make a browser send them: they count towards a ban
   */
  recordFrames(socket: Socket, why: string, bytes: Buffer, meant: boolean): void {
    const { verdict, client } = this.#judged({ ...nothing, defects: [{ why, at: 0 }] }, socket);
    const signals = meant ? verdict.signals : verdict.signals.map((signal) => ({ ...signal, counts: false }));
    this.#counters?.request('', verdict.action);
    const head = bytes.toString('latin1', 0, evidenceLimit);
    this.#report(socket, client, { ...verdict, signals }, head, '');
  }

  /** Answers a head that is too long, and closes the connection. */
  refuseLong(socket: Socket, bytes: Buffer): void {
    const error = Object.assign(new Error('a head that is too long'), { code: 'HPE_HEADER_OVERFLOW' });
    this.#recordFault(error, bytes, socket, { whole: true, first: false });
    socket.on('error', ignore);
    lingeringClose(
      socket,
      'HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
  }

  /**
   * Answers a request that may not pass, keeps what it still sends as evidence, closes the connection.
   *
   * @param verdict where it is not for what it says that it may not pass
   * @param headers of the answer, besides those it has anyway: name, value, name, value …
   */
  refuse(
    req: Request,
    res: Response,
    verdict = this.judge(req).verdict,
    headers: readonly string[] = [],
  ): void {
    const { request, client } = this.judge(req);
    // What the parser finds wrong with the rest of it changes nothing any more.
    if (!isHttp2(req) && !isStandIn(req)) (req.socket as GuardedSocket).refused = true;
    const listener = listenerName(req.socket);
    const head = evidenceOf({ request, verdict });
    const done = (body: string) => this.#report(req.socket, client, verdict, head, body);
    const own = this.#worded({ time: Date.now(), listener, client: client.address, verdict, head, body: '' });
    refuse(req, res, verdict.answer ?? 400, verdict.rule ?? 'framing', done, headers, own);
  }

  /** What the app says to a refused sender; null: the usual words. */
  #worded(sighting: Sighting): RefusalBody | null {
    if (this.#answer === undefined || sighting.verdict.answer === 'drop') return null;
    try {
      return shapedAnswer(this.#answer, probeEvent(sighting));
    } catch (error) {
      this.#onError(error);
      return null;
    }
  }

  #admitUpgrade(req: IncomingMessage, socket: Socket, rest: Buffer): boolean {
    const judged = this.judge(req);
    if (judged.verdict.action === 'block') {
      this.#refuseSocket(socket, judged, rest);
      return false;
    }
    this.#reportFlags(req);
    presentTo(req, judged.request, judged.verdict);
    return true;
  }

  #refuseSocket(
    socket: Socket,
    { request, verdict, client }: Judged,
    rest: Buffer,
    headers: readonly string[] = [],
  ): void {
    // Now: what it was read into is used again.
    const begun = rest.toString('latin1');
    const done = (body: string) => this.#report(socket, client, verdict, headText(request), begun + body);
    const { method } = request;
    // An upgrade has no body that could be waited for.
    const tunnel = method === 'CONNECT' || !bodyFollows(request);
    refuseSocket(socket, verdict.answer ?? 400, verdict.rule ?? 'framing', done, headers, { method, tunnel });
  }

  /** True: answered here. False: nothing that a rule is about, so it is the application's, or Node's, to answer. */
  #refuseBytes(error: ParserError, duplex: Socket): boolean {
    const socket = duplex as GuardedSocket;
    // The parser reports again on whatever still comes in behind an error.
    if (socket.refused || (isLast(socket) && exchangeOn(socket)?.req.complete)) return true;
    // Without bytes the client was too slow, or went away in the middle: nothing malformed was sent.
    if (!socket.writable || !error.rawPacket?.length || error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
      return false;
    socket.refused = true;
    socket.on('error', ignore);
    if (error.code === 'HPE_HEADER_OVERFLOW') {
      // Recorded; the answer, 431, is that of the application or of Node.
      this.#reportBytes(error, error.rawPacket, socket);
      return false;
    }
    const exchange = exchangeOn(socket);
    if (exchange !== undefined && isBusy(socket) && exchange.req.complete) {
      // The request before it is whole and has its answer coming; this one is answered behind it.
      exchange.res.once('close', () => this.#answerBytes(error, error.rawPacket!, socket, false));
    } else {
      this.#answerBytes(error, error.rawPacket, socket, exchange !== undefined && isBusy(socket));
    }
    return true;
  }

  /** @param within the bytes belong to the body of a request that is being served */
  #answerBytes(error: ParserError, bytes: Buffer, socket: GuardedSocket, within: boolean): void {
    const verdict = this.#reportBytes(error, bytes, socket);
    const started = within && exchangeOn(socket)?.res.headersSent === true;
    answerSocket(socket, started ? 'drop' : (verdict.answer ?? 400), verdict.rule ?? 'framing');
  }

  #reportBytes(error: ParserError, packet: Buffer, socket: Socket): Verdict {
    const start = messageStart(socket, packet);
    const bytes = packet.subarray(Math.max(0, start));
    const first = socket.bytesRead === packet.length && start === 0;
    return this.#recordFault(error, bytes, socket, { whole: start !== -1, first });
  }

  #recordFault(
    error: ParserError,
    bytes: Buffer,
    socket: Socket,
    place: { readonly whole: boolean; readonly first: boolean },
  ): Verdict {
    const client = this.#standing(socket, []);
    let verdict: Verdict;
    try {
      verdict = judgeBytes(error, bytes, place, this.#policy);
    } catch (failure) {
      verdict = this.#denied(failure);
    }
    this.#counters?.request('', verdict.action);
    this.#report(socket, client, verdict, bytes.toString('latin1'), '');
    return verdict;
  }

  #judged(request: HttpRequest, socket: PeerSocket): Judged {
    const client = this.#standing(socket, request.rawHeaders);
    let verdict: Verdict;
    try {
      verdict = this.#judge(request, client);
    } catch (error) {
      verdict = this.#denied(error);
    }
    const { address } = peerOf(socket, this.#clients);
    return { request, verdict, client, peer: address, certificate: certificateNameOf(socket) };
  }

  #judge(request: HttpRequest, client: Client): Verdict {
    const verdict = judge(request, this.#policy, client);
    if (this.#exempt === undefined || verdict.action === 'allow') return verdict;
    const lenient = judge(request, this.#exempt.policy, client);
    return lenient.action !== 'block' && this.#exempt.covers(request.method, lenient.path)
      ? lenient
      : verdict;
  }

  #denied(error: unknown): Verdict {
    this.#onError(error);
    return denied(this.#policy);
  }

  #standing(socket: PeerSocket, rawHeaders: readonly string[]): Client {
    const client = clientOf(peerOf(socket, this.#clients), rawHeaders, this.#clients);
    if (client.allowed) return client;
    try {
      if (!this.#isBanned(client.prefix)) return client;
      // A ban of a network does not reach the trusted proxies in it: everybody behind one would be banned.
      const banned = !this.#clients.trustedProxies.contains(client.address);
      return { ...client, banned };
    } catch (error) {
      this.#onError(error);
      return { ...client, banned: true };
    }
  }

  #reportFlags(req: GuardedRequest): void {
    const { request, verdict, client } = this.judge(req);
    if (verdict.action !== 'flag' || req[reported]) return;
    req[reported] = true;
    this.#report(req.socket, client, verdict, headText(request), '');
  }

  #report(
    socket: Socket | undefined,
    { address: client }: Client,
    verdict: Verdict,
    head: string,
    body: string,
  ): void {
    try {
      const [listener, connection] = [listenerName(socket), connectionOf(socket, client)];
      this.#onEvent(probeEvent({ time: Date.now(), listener, client, connection, verdict, head, body }));
    } catch (error) {
      this.#onError(error);
    }
  }
}

const ignore = (): void => {};

/** It is refused for who sent it, and not for what it says. */
const isOfBanned = ({ rule }: Verdict): boolean => rule === 'client-banned';

/** Of the head: of a banned client its first line, as `probeEvent` keeps it. */
const evidenceOf = ({ request, verdict }: Pick<Judged, 'request' | 'verdict'>): string =>
  isOfBanned(verdict) ? requestLine(request) : headText(request);

const bodyFollows = ({ rawHeaders }: HttpRequest): boolean =>
  rawHeaders.some((name, i) => i % 2 === 0 && (is(name, 'content-length') || is(name, 'transfer-encoding')));

const nothing: HttpRequest = { method: '', target: '', version: '1.0', rawHeaders: [] };
