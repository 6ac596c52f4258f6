import type { Socket } from 'node:net';
import type { ConnectionFacts } from '../events/connection.ts';
import type { Counters } from '../events/counters.ts';
import { detectProtocol } from '../events/detected-protocol.ts';
import type { EventSink } from '../events/event.ts';
import { evidenceLimit, probeEvent } from '../events/probe-event.ts';
import { printable } from '../events/redact.ts';
import { banned, denied, judge, judgeServerName, type Verdict } from '../judge.ts';
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
import { type AskedName, askedName, keepName, type NamedSocket } from './foreign-server-name.ts';
import { connectionOf, listenerName } from './received.ts';
import { allowed, answerSocket, refuseSocket } from './refusal.ts';

/** The checkpoint's findings about a request. */
export interface Judged {
  /** The request as received, without later changes to Node's request object. */
  readonly request: HttpRequest;
  readonly verdict: Verdict;
  /** The client it is counted for. */
  readonly client: Client;
  /** Address at the other end of the connection: that of the trusted proxy, if there is one. */
  readonly peer: string;
  /** Subject of the peer's verified certificate (RFC 4514); null: it sent none. */
  readonly certificate: string | null;
}

export class Checkpoint {
  #policy: Policy;
  #clients: ClientRules;
  readonly #exempt: Exemption | undefined;
  readonly #isBanned: (prefix: string) => boolean;
  readonly #onEvent: EventSink;
  protected readonly onError: (error: unknown) => void;
  protected readonly counters: Counters | undefined;
  #untimed = 0;

  constructor(options: CheckpointOptions) {
    this.#policy = options.policy;
    this.#clients = options.clients;
    this.#exempt = options.exempt;
    this.#isBanned = options.isBanned ?? (() => false);
    this.#onEvent = options.onEvent;
    this.onError = options.onError;
    this.counters = options.counters;
  }

  /** Puts another policy in force for new requests. */
  replace(policy: Policy, clients: ClientRules): void {
    this.#policy = policy;
    this.#clients = clients;
  }

  /** A balancer has named the client of this connection (PROXY protocol). */
  onClient(socket: Socket, address: string): void {
    namePeer(socket, address, this.#clients);
  }

  /**
   * A server name in a TLS hello. One that is none of ours is reported with the first request of the connection, or at its end where
   * no request comes.
   *
   * @param over the socket below TLS, whose name may have been reported already
   */
  onName(socket: Socket & NamedSocket, name: string, over?: Socket & NamedSocket): void {
    const known = over === undefined ? undefined : askedName(over);
    if (known !== undefined) {
      keepName(socket, known);
      return;
    }
    try {
      if (judgeServerName(name, this.#policy) === null) return;
    } catch (error) {
      this.onError(error);
      return;
    }
    const asked: AskedName = { name, reported: 'no' };
    keepName(socket, asked);
    // Read now: a closed socket no longer knows its addresses.
    listenerName(socket, true);
    peerOf(socket, this.#clients);
    socket.once('close', () => {
      if (asked.reported === 'no') this.#reportName(socket, name);
    });
  }

  /** Not for balancers, whose health checks only shake hands; nor for banned clients, whose bytes are not inspected. */
  #reportName(socket: Socket, name: string): void {
    const client = this.#standing(socket, []);
    if (client.banned || peerOf(socket, this.#clients).trusted) return;
    try {
      const verdict = judgeServerName(name, this.#policy);
      const spoken = { sni: printable(name).slice(0, 255), protocol: 'tls' };
      if (verdict !== null) this.report(socket, client, verdict, '', '', spoken);
    } catch (error) {
      this.onError(error);
    }
  }

  /** The client of a connection that has not sent anything yet. */
  clientAt(socket: Socket): Client {
    return peerOf(socket, this.#clients);
  }

  /** Whether a connection is accepted: not from a client whose ban is answered with `drop`. */
  mayConnect(socket: Socket): boolean {
    const client = peerOf(socket, this.#clients);
    if (client.trusted || client.allowed || this.#policy.rules['client-banned'].answer !== 'drop')
      return true;
    if (!this.#isBanned(client.prefix)) return true;
    this.report(socket, client, banned(this.#policy), '', '');
    return false;
  }

  /**
   * Turns a banned client away before anything it sent is read: records, answers and closes the connection. Cheap enough to call
   * for each request.
   *
   * @returns false where the connection may be read; the clients of a trusted proxy are only known from its requests
   */
  turnAway(socket: Socket): boolean {
    const client = peerOf(socket, this.#clients);
    if (client.trusted || client.allowed || !this.#isBanned(client.prefix)) return false;
    const verdict = banned(this.#policy);
    this.counters?.request('', verdict.action);
    this.report(socket, client, verdict, '', '');
    answerSocket(socket, verdict.answer ?? 403, 'client-banned');
    return true;
  }

  /** The verdict on a request that our own front ends read. Not counted: `passed`, `refuseRead` or `recordRead` do that. */
  judgeRead(request: HttpRequest, socket: PeerSocket & NamedSocket): Judged {
    const client = this.#standing(socket, request.rawHeaders);
    const asked = askedName(socket);
    let verdict: Verdict;
    try {
      const sni = asked === undefined || asked.reported === 'flagged' ? undefined : asked.name;
      verdict = this.#judge(sni === undefined ? request : { ...request, sni }, client);
    } catch (error) {
      verdict = this.#denied(error);
    }
    if (asked !== undefined)
      asked.reported = verdict.rule === 'sni-foreign' && verdict.action === 'block' ? 'refused' : 'flagged';
    const { address } = peerOf(socket, this.#clients);
    return { request, verdict, client, peer: address, certificate: certificateNameOf(socket) };
  }

  /**
   * Counts a request that may pass, and reports a flagged one.
   *
   * @param start when it arrived, `performance.now`
   */
  passed({ request, verdict, client }: Judged, socket: Socket, start: number): void {
    this.counters?.request(verdict.site?.name ?? '', verdict.action);
    if ((this.#untimed++ & 15) === 0) this.counters?.judge.observe((performance.now() - start) / 1000);
    if (verdict.action === 'flag') this.report(socket, client, verdict, headText(request), '');
  }

  /**
   * Counts a refused request, answers it, keeps the bytes that still arrive as evidence, and closes the connection.
   *
   * @param rest bytes after its head
   * @param whole the request is complete
   * @param headers of the answer, besides the usual ones: name, value, name, value …
   */
  refuseRead(
    socket: Socket,
    judged: Judged,
    rest: Buffer,
    whole: boolean,
    headers: readonly string[] = [],
  ): void {
    const { request, verdict, client } = judged;
    const fields = [...headers, ...allowed(verdict)];
    this.counters?.request(verdict.site?.name ?? '', verdict.action);
    // Behind a trusted proxy a banned client is known only by its head; its body is neither kept nor awaited.
    if (whole || isOfBanned(verdict)) {
      const body = isOfBanned(verdict) ? '' : rest.toString('latin1');
      this.report(socket, client, verdict, evidenceOf(judged), body);
      answerSocket(socket, verdict.answer ?? 400, verdict.rule ?? 'framing', fields, request.method);
    } else this.refuseSocket(socket, judged, rest, fields);
  }

  /** Records a request whose client did not wait for an answer. */
  recordRead(judged: Judged, socket: Socket, rest: Buffer): void {
    const { verdict, client } = judged;
    this.counters?.request(verdict.site?.name ?? '', verdict.action);
    if (verdict.action !== 'allow')
      this.report(socket, client, verdict, evidenceOf(judged), rest.toString('latin1'));
  }

  /**
   * Answers bytes that are not a request, and closes the connection.
   *
   * @param first the connection begins with them
   */
  refuseBytes(socket: Socket, bytes: Buffer, first: boolean): void {
    const verdict = this.recordBytes(socket, bytes, first);
    answerSocket(socket, verdict.answer ?? 400, verdict.rule ?? 'framing');
  }

  /** Records bytes that are not a request. */
  recordBytes(socket: Socket, bytes: Buffer, first: boolean): Verdict {
    return this.recordFault(new Error('no request'), bytes, socket, { whole: true, first });
  }

  /**
   * Records HTTP/2 frames that are malformed or too many.
   *
   * @param meant no web page can make a browser send them, so they count towards a ban
   */
  recordFrames(socket: Socket, why: string, bytes: Buffer, meant: boolean): void {
    const { verdict, client } = this.judgeRead({ ...nothing, defects: [{ why, at: 0 }] }, socket);
    const signals = meant ? verdict.signals : verdict.signals.map((signal) => ({ ...signal, counts: false }));
    this.counters?.request('', verdict.action);
    const head = bytes.toString('latin1', 0, evidenceLimit);
    this.report(socket, client, { ...verdict, signals }, head, '');
  }

  /** Answers a head that is too long and closes the connection. */
  refuseLong(socket: Socket, bytes: Buffer): void {
    const error = Object.assign(new Error('a head that is too long'), { code: 'HPE_HEADER_OVERFLOW' });
    this.recordFault(error, bytes, socket, { whole: true, first: false });
    socket.on('error', ignore);
    lingeringClose(
      socket,
      'HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    );
  }

  /** As `refuseRead` for a request that is already counted; collects evidence until the sender is done. */
  protected refuseSocket(
    socket: Socket,
    { request, verdict, client }: Judged,
    rest: Buffer,
    headers: readonly string[] = [],
  ): void {
    // Kept now: curl resets the connection once it has its answer, and a closed socket has no addresses.
    listenerName(socket);
    // Copied now: the read buffer is reused.
    const begun = rest.toString('latin1');
    const done = (body: string) => this.report(socket, client, verdict, headText(request), begun + body);
    const { method } = request;
    // An upgrade has no body to wait for.
    const tunnel = method === 'CONNECT' || !bodyFollows(request);
    refuseSocket(socket, verdict.answer ?? 400, verdict.rule ?? 'framing', done, headers, { method, tunnel });
  }

  protected recordFault(
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
    this.counters?.request('', verdict.action);
    const spoken = place.first ? detectProtocol(bytes) : {};
    this.report(socket, client, verdict, bytes.toString('latin1'), '', spoken);
    return verdict;
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
    this.onError(error);
    return denied(this.#policy);
  }

  #standing(socket: PeerSocket, rawHeaders: readonly string[]): Client {
    const client = clientOf(peerOf(socket, this.#clients), rawHeaders, this.#clients);
    if (client.allowed) return client;
    try {
      if (!this.#isBanned(client.prefix)) return client;
      // A banned network does not include the trusted proxies in it: that would ban all clients behind them.
      const banned = !this.#clients.trustedProxies.contains(client.address);
      return { ...client, banned };
    } catch (error) {
      this.onError(error);
      return { ...client, banned: true };
    }
  }

  protected report(
    socket: Socket | undefined,
    { address: client }: Client,
    verdict: Verdict,
    head: string,
    body: string,
    spoken: ConnectionFacts = {},
  ): void {
    try {
      const listener = listenerName(socket);
      const connection = { ...connectionOf(socket, client), ...spoken };
      this.#onEvent(probeEvent({ time: Date.now(), listener, client, connection, verdict, head, body }));
    } catch (error) {
      this.onError(error);
    }
  }
}

const ignore = (): void => {};

/** Refused for its sender, not for its content. */
const isOfBanned = ({ rule }: Verdict): boolean => rule === 'client-banned';

/** The head as evidence; of a banned client only its first line, as `probeEvent` keeps it. */
export const evidenceOf = ({ request, verdict }: Pick<Judged, 'request' | 'verdict'>): string =>
  isOfBanned(verdict) ? requestLine(request) : headText(request);

const bodyFollows = ({ rawHeaders }: HttpRequest): boolean =>
  rawHeaders.some((name, i) => i % 2 === 0 && (is(name, 'content-length') || is(name, 'transfer-encoding')));

const nothing: HttpRequest = { method: '', target: '', version: '1.0', rawHeaders: [] };
