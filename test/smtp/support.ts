/** For tests: a guard, and mail servers behind it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ProbeEvent } from '../../src/events/event.ts';
import { createSmtpGuard, type SmtpGuard, type SmtpGuardContext } from '../../src/smtp/guard.ts';
import type { ListenerOptions, SmtpLimits, SmtpOptions, SmtpTimeouts } from '../../src/smtp/options.ts';
import type { Owner } from '../support/owner.ts';
import { ownDomains } from './recipients.ts';

export interface GuardSettings extends Partial<Omit<SmtpOptions, 'limits' | 'timeouts' | 'listen'>> {
  /** Settings of its listeners; by default each has a free port of 127.0.0.1 and all backends. @default one */
  readonly listen?: readonly (string | Partial<ListenerOptions>)[];
  /** @default the one of `backendPort` */
  readonly backends?: readonly string[];
  readonly limits?: Partial<SmtpLimits>;
  readonly timeouts?: Partial<SmtpTimeouts>;
}

/** Options for tests: clients are strangers, limits are high. */
export function guardOptions(
  backendPort: number,
  { limits, timeouts, listen = [{}], backends = [`127.0.0.1:${backendPort}`], ...rest }: GuardSettings = {},
): SmtpOptions {
  return {
    // Listeners are identified by the text of their address.
    listen: listen.map((listener, index) => ({
      address: `127.0.0.${index + 1}:0`,
      auth: 'offered',
      tls: 'starttls',
      backends,
      proxyProtocol: false,
      ...(typeof listener === 'string' ? { address: listener } : listener),
    })),
    trustedProxies: [],
    domains: ownDomains,
    relayFrom: [],
    tls: null,
    backendTls: null,
    withhold: [],
    ownSender: 'flag',
    submission: { limits: { messages: 1000, recipients: 1000, failures: 1000 }, senders: {} },
    xclient: false,
    proxyProtocol: false,
    reuse: true,
    normalizeFrom: 'nobody',
    plainLocals: false,
    ...rest,
    limits: {
      connections: 2000,
      connectionsPerClient: 2000,
      recipients: 1000,
      errors: 1000,
      commandsBeforeMail: 1000,
      message: null,
      ...limits,
    },
    timeouts: {
      connect: 10_000,
      greeting: 10_000,
      command: 30_000,
      data: 30_000,
      reply: 30_000,
      delivery: 30_000,
      ...timeouts,
    },
  };
}

export interface RunningGuard {
  readonly port: number;
  /** One for each listener. */
  readonly ports: readonly number[];
  readonly guard: SmtpGuard;
  readonly events: ProbeEvent[];
  readonly logged: string[];
}

/** Starts a guard that closes with its owner. */
export async function startGuard(
  owner: Owner,
  backendPort: number,
  settings: GuardSettings = {},
  context: Partial<SmtpGuardContext> = {},
): Promise<RunningGuard> {
  const events: ProbeEvent[] = [];
  const logged: string[] = [];
  const log = (_: object, message: string): void => void logged.push(message);
  const guard = createSmtpGuard(guardOptions(backendPort, settings), {
    onEvent: (event) => events.push(event),
    log: { info: () => {}, warn: log, error: log },
    ...context,
  });
  const addresses = await guard.listen();
  owner.after(() => guard.close(0));
  const ports = addresses.map(({ port }) => port);
  return { port: ports[0]!, ports, guard, events, logged };
}

/** A scripted mail server, for behaviour that no real one shows on demand. */
export interface FakeServer {
  readonly port: number;
  /** Every byte received, one text for each connection. */
  readonly received: string[];
  readonly server: Server;
}

/** @param onConnection speaks for the server, and closes the connection */
export async function fakeServer(
  owner: Owner,
  onConnection: (socket: Socket, index: number) => void,
): Promise<FakeServer> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    const index = received.push('') - 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      received[index] += chunk.toString('latin1');
    });
    onConnection(socket, index);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, received, server };
}

export interface Mail {
  readonly helo: string;
  readonly from: string;
  readonly to: string[];
  /** As received, dots unstuffed, without the terminator; latin1. */
  readonly data: Buffer;
}

export interface SinkSettings {
  /** Lines of the EHLO reply after the first. */
  readonly offers?: readonly string[];
  /** The reply to a command, instead of 250; null: none. */
  readonly reply?: (line: string) => string | null | undefined;
  readonly keepData?: boolean;
}

export interface Sink extends FakeServer {
  readonly mails: Mail[];
  /** Waits for this many mails. */
  waitFor(count: number): Promise<void>;
}

/** A mail server that accepts and keeps everything; real ones deliver to it. */
export async function mailSink(owner: Owner, settings: SinkSettings = {}): Promise<Sink> {
  const mails: Mail[] = [];
  let wake: () => void = () => {};
  const offers = settings.offers ?? [
    'PIPELINING',
    'SIZE 0',
    '8BITMIME',
    'DSN',
    'SMTPUTF8',
    'ENHANCEDSTATUSCODES',
  ];
  const server = await fakeServer(owner, (socket) => {
    let pending: Buffer = Buffer.alloc(0);
    let chunks: Buffer[] | null = null;
    let mail = { helo: '', from: '', to: [] as string[] };
    const say = (text: string): void => void socket.write(`${text}\r\n`, 'latin1');
    const command = (line: string): void => {
      const own = settings.reply?.(line);
      if (own === null) return;
      if (own !== undefined) {
        say(own);
        if (own.startsWith('354')) chunks = [];
        return;
      }
      const [verb = ''] = line.toUpperCase().split(/[ :]/, 1);
      const path = /<((?:"(?:[^"\\]|\\.)*"|[^">])*)>/.exec(line)?.[1] ?? '';
      if (verb === 'EHLO') {
        mail.helo = line.slice(5);
        say(
          ['250-sink.example.net', ...offers.map((offer) => `250-${offer}`)]
            .join('\r\n')
            .replace(/250-(?=[^-]*$)/, '250 '),
        );
      } else if (verb === 'MAIL') {
        mail = { ...mail, from: path, to: [] };
        say('250 2.1.0 OK');
      } else if (verb === 'RCPT') {
        mail.to.push(path);
        say('250 2.1.5 OK');
      } else if (verb === 'DATA') {
        chunks = [];
        say('354 Go on');
      } else if (verb === 'QUIT') {
        socket.end('221 2.0.0 Bye\r\n');
      } else say('250 2.0.0 OK');
    };
    say('220 sink.example.net ESMTP');
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      for (;;) {
        if (chunks !== null) {
          // Search the new bytes and the four before them; a message begins after a CRLF.
          const before = chunks.length === 0 ? Buffer.from('\r\n') : chunks.at(-1)!.subarray(-4);
          const end = Buffer.concat([before, pending]).indexOf('\r\n.\r\n') - before.length;
          if (end === -1 - before.length) {
            // Keep pieces of at least four bytes, so that the four before are in the last piece.
            if (chunks.length > 0 && pending.length < 4) pending = Buffer.concat([chunks.pop()!, pending]);
            if (pending.length < 4) return;
            chunks.push(pending);
            pending = Buffer.alloc(0);
            return;
          }
          const whole = Buffer.concat([...chunks, pending]);
          const length = whole.length - pending.length + end + 2;
          const body = whole.subarray(0, length);
          pending = whole.subarray(length + 3);
          chunks = null;
          const data = settings.keepData === false ? Buffer.alloc(0) : unstuffed(body);
          mails.push({ ...mail, data });
          const own = settings.reply?.('.');
          if (own !== null) say(own ?? '250 2.0.0 Taken');
          wake();
        }
        const end = pending.indexOf('\n');
        if (end === -1) return;
        const line = pending.toString('latin1', 0, end).replace(/\r$/, '');
        pending = pending.subarray(end + 1);
        command(line);
      }
    });
  });
  return {
    ...server,
    mails,
    async waitFor(count) {
      while (mails.length < count) {
        await new Promise<void>((done) => {
          wake = done;
        });
      }
    },
  };
}

const unstuffed = (body: Buffer): Buffer =>
  Buffer.from(body.toString('latin1').replace(/(^|\r\n)\./g, '$1'), 'latin1');
