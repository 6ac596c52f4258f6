/**
 * The checkpoint of a Node HTTP server. It sees every layer: requests of HTTP/1 and HTTP/2, CONNECT, upgrades, and bytes that the
 * parser refused. Harmless requests go on to the listeners; everything else is answered here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { probeEvent, type Sighting } from '../events/probe-event.ts';
import type { Verdict } from '../judge.ts';
import type { HttpRequest } from '../wire/http-request.ts';
import { headText } from '../wire/message-text.ts';
import type { ParserError } from './bad-bytes.ts';
import { Checkpoint, evidenceOf, type Judged } from './checkpoint.ts';
import type { CheckpointOptions } from './checkpoint-options.ts';
import { beginExchange, endBehind, exchangeOn, inTurn, isBusy, isLast } from './current-exchange.ts';
import { type Place, standBefore } from './guarded-server.ts';
import { presentTo } from './presented-request.ts';
import { isHttp2, isStandIn, listenerName, type Request, type Response, received } from './received.ts';
import { allowed, answerSocket, type RefusalBody, refuse } from './refusal.ts';
import { messageStart, requestLineDefects } from './request-line.ts';
import { type Emit, type HttpServer, requestEvents } from './server-events.ts';
import { type ShapeAnswer, shapedAnswer } from './shaped-answer.ts';

const judged = Symbol('sekisho.judged');
const reported = Symbol('sekisho.reported');

type GuardedRequest = Request & { [judged]?: Judged; [reported]?: true };
type GuardedSocket = Socket & { refused?: boolean };

export class ServerCheckpoint extends Checkpoint {
  readonly #answer: ShapeAnswer | undefined;
  #untimed = 0;

  constructor(options: CheckpointOptions) {
    super(options);
    this.#answer = options.answer;
  }

  /**
   * Puts the checkpoint before all listeners of the server, including those added later: every event passes here first.
   *
   * @param app that takes the server over from another app, where it has a checkpoint of that one; undefined: none
   * @throws Error where the server has a checkpoint already
   */
  attach(server: HttpServer, app?: object): Place {
    return standBefore(server, (emit, event, args) => this.#handle(server, emit, event, args), app);
  }

  #handle(server: HttpServer, emit: Emit, event: string, args: unknown[]): boolean {
    const others = (): boolean => server.listenerCount(event) > 1;
    const [req, res] = args as [Request, Response];
    // RFC 9112 section 9.6: requests after one whose answer closes the connection are not processed.
    if (requestEvents.has(event) && req.socket != null) {
      if ((req.socket as GuardedSocket).refused === true || isLast(req.socket)) return true;
    }
    switch (event) {
      case 'request':
        return !this.admit(req, res) || emit(event, req, res);
      case 'checkContinue':
        if (!this.admit(req, res)) return true;
        if (others()) return emit(event, req, res);
        // Node throws where the client has reset the stream by now.
        if (!isHttp2(req) || !req.stream.closed) res.writeContinue();
        return emit('request', req, res);
      case 'checkExpectation':
        if (!this.admit(req, res)) return true;
        if (others()) return emit(event, req, res);
        res.statusCode = 417;
        res.end();
        return true;
      case 'connect':
        if (!isHttp2(req)) {
          const [, socket, rest] = args as [Request, Socket, Buffer];
          inTurn(socket, () => this.refuseSocket(socket, this.judge(req), rest));
          return true;
        }
        if (!this.admit(req, res)) return true;
        // Extended CONNECT to a site with WebSocket (RFC 8441): the application answers.
        if (others()) return emit(event, req, res);
        res.statusCode = 501;
        res.end();
        return true;
      case 'upgrade': {
        const [request, socket, rest] = args as [IncomingMessage, Socket, Buffer];
        // No connection: the app calls itself, as in some apps' tests.
        if (isStandIn(request)) return emit(event, ...args);
        inTurn(socket, () => {
          if (this.#admitUpgrade(request, socket, rest) && !socket.destroyed) emit(event, ...args);
        });
        return true;
      }
      case 'secureConnection': {
        const socket = args[0] as unknown as TLSSocket;
        if (socket.servername) this.onName(socket, socket.servername);
        return emit(event, ...args);
      }
      case 'clientError':
        return this.#refuseBytes(args[0] as ParserError, args[1] as Socket) || emit(event, ...args);
      default:
        return emit(event, ...args);
    }
  }

  /**
   * Judges a request that reached the server. True: it may go on, with the host and path it was judged by; false: it was answered.
   */
  admit(req: Request, res: Response): boolean {
    const connected = !isHttp2(req) && !isStandIn(req);
    if (connected) beginExchange(req.socket, { req, res });
    const { request, verdict } = this.judge(req);
    if (verdict.action === 'block') {
      this.refuse(req, res);
      return false;
    }
    this.#reportFlags(req);
    if (connected && req.headers.upgrade !== undefined) endBehind(req, res as ServerResponse);
    presentTo(req, request, verdict);
    return true;
  }

  /**
   * The verdict on a request, computed once.
   *
   * @param known facts that override those of Node's request object
   */
  judge(req: Request, known?: Partial<HttpRequest>): Judged {
    const before = (req as GuardedRequest)[judged];
    if (before !== undefined) return before;
    const timed = (this.#untimed++ & 15) === 0;
    const start = timed ? performance.now() : 0;
    const facts = received(req);
    const more = known ?? (isHttp2(req) ? undefined : requestLineDefects(req));
    const result = this.judgeRead(more === undefined ? facts : { ...facts, ...more }, req.socket ?? {});
    this.counters?.request(result.verdict.site?.name ?? '', result.verdict.action);
    if (timed) this.counters?.judge.observe((performance.now() - start) / 1000);
    (req as GuardedRequest)[judged] = result;
    return result;
  }

  /**
   * Answers a refused request, keeps what it still sends as evidence, and closes the connection.
   *
   * @param verdict of a refusal that is not due to its content, such as a rate limit
   * @param headers of the answer, besides the usual ones: name, value, name, value …
   */
  refuse(
    req: Request,
    res: Response,
    verdict = this.judge(req).verdict,
    headers: readonly string[] = [],
  ): void {
    const { request, client } = this.judge(req);
    // Later parser errors are ignored.
    if (!isHttp2(req) && !isStandIn(req)) (req.socket as GuardedSocket).refused = true;
    const listener = listenerName(req.socket);
    const head = evidenceOf({ request, verdict });
    const done = (body: string) => this.report(req.socket, client, verdict, head, body);
    const own = this.#worded({ time: Date.now(), listener, client: client.address, verdict, head, body: '' });
    const fields = [...headers, ...allowed(verdict)];
    refuse(req, res, verdict.answer ?? 400, verdict.rule ?? 'framing', done, fields, own);
  }

  /** The app's own words for a refused sender; null: the usual ones. */
  #worded(sighting: Sighting): RefusalBody | null {
    if (this.#answer === undefined || sighting.verdict.answer === 'drop') return null;
    try {
      return shapedAnswer(this.#answer, probeEvent(sighting));
    } catch (error) {
      this.onError(error);
      return null;
    }
  }

  #admitUpgrade(req: IncomingMessage, socket: Socket, rest: Buffer): boolean {
    const judged = this.judge(req);
    if (judged.verdict.action === 'block') {
      this.refuseSocket(socket, judged, rest);
      return false;
    }
    this.#reportFlags(req);
    presentTo(req, judged.request, judged.verdict);
    return true;
  }

  /** False: no rule covers it, so the application or Node answers. */
  #refuseBytes(error: ParserError, duplex: Socket): boolean {
    const socket = duplex as GuardedSocket;
    // The parser reports every packet after an error again.
    if (socket.refused || (isLast(socket) && exchangeOn(socket)?.req.complete)) return true;
    // Without bytes the client was too slow or left in the middle: nothing malformed was sent.
    if (!socket.writable || !error.rawPacket?.length || error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
      return false;
    socket.refused = true;
    socket.on('error', ignore);
    if (error.code === 'HPE_HEADER_OVERFLOW') {
      // Only recorded: the application or Node answers 431.
      this.#reportBytes(error, error.rawPacket, socket);
      return false;
    }
    const exchange = exchangeOn(socket);
    if (exchange !== undefined && isBusy(socket) && exchange.req.complete) {
      // The request before it is complete and still owed its answer; this one is answered after that.
      exchange.res.once('close', () => this.#answerBytes(error, error.rawPacket!, socket, false));
    } else {
      this.#answerBytes(error, error.rawPacket, socket, exchange !== undefined && isBusy(socket));
    }
    return true;
  }

  /** @param within the bytes belong to the body of the request being served */
  #answerBytes(error: ParserError, bytes: Buffer, socket: GuardedSocket, within: boolean): void {
    const verdict = this.#reportBytes(error, bytes, socket);
    const started = within && exchangeOn(socket)?.res.headersSent === true;
    answerSocket(socket, started ? 'drop' : (verdict.answer ?? 400), verdict.rule ?? 'framing');
  }

  #reportBytes(error: ParserError, packet: Buffer, socket: Socket): Verdict {
    const start = messageStart(socket, packet);
    const bytes = packet.subarray(Math.max(0, start));
    const first = socket.bytesRead === packet.length && start === 0;
    return this.recordFault(error, bytes, socket, { whole: start !== -1, first });
  }

  #reportFlags(req: GuardedRequest): void {
    const { request, verdict, client } = this.judge(req);
    if (verdict.action !== 'flag' || req[reported]) return;
    req[reported] = true;
    this.report(req.socket, client, verdict, headText(request), '');
  }
}

const ignore = (): void => {};
