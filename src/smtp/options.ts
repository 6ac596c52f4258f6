/** What the mail guard can be told, and how the config's `smtp` section says it. */
import type { Static, TProperties } from 'typebox';
import Type from 'typebox';
import { parsePrefix } from '../address/ip.ts';

/** The guard's settings, compiled: milliseconds, bytes, certificates read. */
export interface SmtpOptions {
  /** Addresses and ports to accept on, each ADDR:PORT, IPv6 in brackets. */
  readonly listen: readonly string[];
  /** Mail servers, each HOST:PORT; tried in turn until one greets. */
  readonly backends: readonly string[];
  /** Domains that mail is taken for from anywhere: names, `*.name`, address literals in brackets. */
  readonly domains: readonly string[];
  /** Prefixes whose clients may send to any domain. */
  readonly relayFrom: readonly string[];
  /** Certificate and key, PEM; null: STARTTLS and AUTH are not offered. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Tell the mail server the client's address by XCLIENT. */
  readonly xclient: boolean;
  /** Tell the mail server the client's address by a PROXY protocol header, version 1. */
  readonly proxyProtocol: boolean;
  /** Carry the next client's session on one with the mail server that ended well; not with `xclient` or `proxyProtocol`. */
  readonly reuse: boolean;
  /** What is done with a CR or LF that stands alone: from whom it is made CRLF. */
  readonly normalizeFrom: 'nobody' | 'everybody' | readonly string[];
  /** Refuse signs in our own local parts that no mail server expands. */
  readonly plainLocals: boolean;
  readonly limits: SmtpLimits;
  readonly timeouts: SmtpTimeouts;
}

export interface SmtpLimits {
  readonly connections: number;
  readonly connectionsPerClient: number;
  readonly recipients: number;
  readonly errors: number;
  readonly commandsBeforeMail: number;
  /** Bytes; null: as many as the mail server takes. */
  readonly message: number | null;
}

/** Milliseconds. */
export interface SmtpTimeouts {
  readonly connect: number;
  readonly greeting: number;
  readonly command: number;
  readonly data: number;
  readonly reply: number;
  readonly delivery: number;
}

const object = <T extends TProperties>(properties: T, description: string) =>
  Type.Object(properties, { additionalProperties: false, default: {}, description });

const count = (standard: number, description: string) =>
  Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: standard,
    mend: 'write a whole number from 1 to 1000000',
    description,
  });

const timeout = (standard: string, description: string) =>
  Type.String({
    pattern: '^[1-9][0-9]{0,8}(?:ms|s|m|h|d)$',
    format: 'sekisho-timeout',
    mend: 'write a number and ms, s, m, h or d, such as 250ms, 10s or 1d: at least 1ms, at most 1d',
    default: standard,
    description,
  });

const hostPort = (description: string) =>
  Type.String({
    pattern: '^(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]{1,5}$',
    maxLength: 260,
    mend: 'write HOST:PORT such as 127.0.0.1:2525, IPv6 in brackets',
    description,
  });

const prefixes = (description: string, more: { default?: string[] } = {}) =>
  Type.Array(
    Type.String({
      pattern: '^[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?$',
      format: 'sekisho-cidr',
      mend: 'write a prefix such as 192.0.2.0/24 or 2001:db8::/32, or a single address',
    }),
    { ...more, description },
  );

const listenAddress = Type.String({
  pattern: '^(?:[0-9.]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]{1,5}$',
  format: 'sekisho-listen',
  mend: 'write ADDR:PORT such as 0.0.0.0:25 or "[::]:25"',
  description: 'Address and port; IPv6 in brackets; port 0 takes a free one.',
});

/** The `smtp` section of the config. */
export const smtpSchema = Type.Object(
  {
    listen: Type.Union([listenAddress, Type.Array(listenAddress, { minItems: 1 })], {
      mend: 'write ADDR:PORT, or a list of them',
      description:
        'Where mail comes in, usually port 25. The mail server behind must not be reachable from outside any more.',
    }),
    backend: Type.Optional(hostPort('The mail server that mail is passed on to, such as 127.0.0.1:2525.')),
    backends: Type.Optional(
      Type.Array(hostPort('A mail server, HOST:PORT.'), {
        minItems: 1,
        mend: 'list one HOST:PORT or more',
        description:
          'Several mail servers in place of `backend`. Sessions are dealt out in turn; one that refuses, hangs or answers 4xx ' +
          'is passed over, as long as the client has not been greeted, and comes last for 10 s. Nothing outside this list is ever dialled.',
      }),
    ),
    domains: Type.Array(
      Type.String({
        minLength: 1,
        maxLength: 255,
        format: 'sekisho-mail-domain',
        mend: 'write a domain such as example.net, "*.example.net", or an address literal such as "[192.0.2.1]"',
      }),
      {
        minItems: 1,
        mend: 'list one domain or more',
        description:
          "Domains that mail is taken for from anywhere: names, `*.name` for every name below it, address literals. The mail server's " +
          'own host name belongs here; the address a client connected to is always ours. Recipients at other domains are ' +
          'refused to everybody but `relayFrom` and those who have authenticated.',
      },
    ),
    relayFrom: prefixes(
      'Prefixes whose clients may send to any domain. Hazard: everybody who can send from here can relay; list your own ' +
        'networks and nothing wider; a prefix shorter than /8 (IPv6: /7) is an error. They are also free of `connectionsPerClient`.',
      { default: [] },
    ),
    tls: Type.Optional(
      Type.Object(
        {
          cert: Type.String({ minLength: 1, description: 'File with the certificate and its chain, PEM.' }),
          key: Type.String({ minLength: 1, description: 'File with the private key, PEM.' }),
        },
        {
          additionalProperties: false,
          description:
            'Offer STARTTLS with this certificate. TLS ends here; the mail server is spoken to in the clear. Without it ' +
            'neither STARTTLS nor AUTH is offered.',
        },
      ),
    ),
    xclient: Type.Boolean({
      default: false,
      mend: 'write true or false',
      description:
        "Tell the mail server the client's address by XCLIENT (Postfix: smtpd_authorized_xclient_hosts). Where the mail server does not offer it the session is refused with 421. " +
        'Without this and `proxyProtocol` the mail server takes every client for this machine: its own relay, SPF and blocklist checks see one address.',
    }),
    proxyProtocol: Type.Boolean({
      default: false,
      mend: 'write true or false',
      description:
        "Tell the mail server the client's address by a PROXY protocol header (Postfix: smtpd_upstream_proxy_protocol; Exim: hosts_proxy). Hazard: whoever reaches that port of the mail server " +
        'can claim any address, so let this machine alone reach it. Not together with `xclient`.',
    }),
    reuse: Type.Boolean({
      default: true,
      mend: 'write true or false',
      description:
        'Use a session with the mail server for the next client, where one with mail in it ended well: up to 100 clients in turn, resting 2 s at the most. ' +
        'Each client still begins with its own EHLO. With `xclient` or `proxyProtocol` every client has a session of its own, whatever stands here.',
    }),
    bareNewline: Type.Union(
      [
        Type.Literal('refuse'),
        Type.Literal('normalize'),
        Type.Object(
          { normalize: prefixes('Networks whose clients may end lines so.') },
          { additionalProperties: false },
        ),
      ],
      {
        default: 'refuse',
        mend: 'write refuse, normalize, or { normalize: [PREFIX, …] }',
        description:
          'A CR or LF that stands alone, in a message or at the end of a command: `refuse` it with 550 or 500, or `normalize`, make CRLF of it, as old ' +
          'printers and scanners need; `{ normalize: [192.0.2.0/28] }` does so for those networks alone. Either way only CRLF.CRLF ends a message, so that ' +
          'nothing can be smuggled behind it.',
      },
    ),
    localParts: Type.Unsafe<'any' | 'plain'>({
      type: 'string',
      enum: ['any', 'plain'],
      default: 'any',
      mend: 'write any or plain',
      description:
        'Local parts of our own domains, from outside. `any`: all but what some mail server expands (a `%`, `!` or `@`, `::`, `${`, a leading sign of a file, program ' +
        'or option). `plain`: without `: / | ( ) < > , ; \\ " ` and spaces too, which SRS, BATV, sub-addresses and gateways write, where scripts behind the mail server ' +
        'can not be trusted with them.',
    }),
    limits: object(
      {
        connections: count(2000, 'Connections at a time. Further ones get 421.'),
        connectionsPerClient: count(
          50,
          'Connections at a time from one client: an IPv4 address, an IPv6 /64.',
        ),
        recipients: count(
          1000,
          'Recipients of a message. Further ones get 452, which tells the sender to send the rest later.',
        ),
        errors: count(20, 'Refused commands in a session. Then it ends with 421.'),
        commandsBeforeMail: count(
          100,
          'Commands in a session while no message is under way. Then it ends with 421.',
        ),
        message: Type.Optional(
          Type.String({
            pattern: '^[1-9][0-9]{0,8}(?:B|KiB|MiB|GiB)$',
            format: 'sekisho-size',
            mend: 'write a number and B, KiB, MiB or GiB, such as 50MiB',
            description: 'The largest message. Larger ones get 552. Absent: what the mail server takes.',
          }),
        ),
      },
      'Bounds of a session and of all together.',
    ),
    timeouts: object(
      {
        connect: timeout(
          '10s',
          'For a mail server to accept. Where another one is left to try, for it to greet, too.',
        ),
        greeting: timeout(
          '5m',
          'For a mail server to greet, the last that is tried: some take their time with everybody.',
        ),
        command: timeout('5m', 'For a client to send a whole command line, and to take its answer.'),
        data: timeout('3m', 'For each further KiB of a message, both ways.'),
        reply: timeout('5m', 'For the mail server to answer a command.'),
        delivery: timeout('10m', 'For the mail server to answer the end of a message.'),
      },
      'How long is waited for whom (RFC 5321 section 4.5.3.2).',
    ),
  },
  {
    additionalProperties: false,
    description:
      'The mail guard: a proxy in front of a mail server that judges every recipient by where the mail would really go.',
  },
);

/** The `smtp` section as validated, its defaults filled in. */
export type SmtpDocument = Static<typeof smtpSchema>;

/** What compiling needs from outside: how quantities are read, and files. */
export interface SmtpDocumentReader {
  duration(text: string): number;
  size(text: string): number;
  /** @throws where the file cannot be read */
  file(name: string): string;
}

/**
 * The options of a validated section.
 *
 * @throws where a file cannot be read
 */
export function smtpOptions(document: SmtpDocument, read: SmtpDocumentReader): SmtpOptions {
  const { listen, backend, backends, tls, limits, timeouts, bareNewline, localParts, ...same } = document;
  return {
    ...same,
    listen: typeof listen === 'string' ? [listen] : listen,
    backends: backends ?? (backend === undefined ? [] : [backend]),
    tls: tls === undefined ? null : { cert: read.file(tls.cert), key: read.file(tls.key) },
    normalizeFrom:
      typeof bareNewline === 'object'
        ? bareNewline.normalize
        : bareNewline === 'normalize'
          ? 'everybody'
          : 'nobody',
    plainLocals: localParts === 'plain',
    limits: { ...limits, message: limits.message === undefined ? null : read.size(limits.message) },
    timeouts: {
      connect: read.duration(timeouts.connect),
      greeting: read.duration(timeouts.greeting),
      command: read.duration(timeouts.command),
      data: read.duration(timeouts.data),
      reply: read.duration(timeouts.reply),
      delivery: read.duration(timeouts.delivery),
    },
  };
}

export interface SmtpFault {
  /** The path below `smtp`. */
  readonly key: readonly (string | number)[];
  readonly fault: string;
  readonly mend: string;
}

/**
 * Faults that the schema can't tell, each with the key it is about and the mend: for the config's cross-checks.
 */
export function smtpFaults(document: SmtpDocument): SmtpFault[] {
  const faults: SmtpFault[] = [];
  if ((document.backend === undefined) === (document.backends === undefined))
    faults.push({
      key: ['backend'],
      fault:
        document.backend === undefined ? 'no mail server to pass mail on to' : 'both backend and backends',
      mend: 'write backend: HOST:PORT, or backends with a list of them',
    });
  if (document.xclient && document.proxyProtocol)
    faults.push({
      key: ['proxyProtocol'],
      fault: 'xclient and proxyProtocol together',
      mend: 'choose the one that the mail server is set up for',
    });
  for (const [index, text] of (Array.isArray(document.relayFrom) ? document.relayFrom : []).entries())
    if (typeof text === 'string' && tooWide(text))
      faults.push({
        key: ['relayFrom', index],
        fault: 'lets strangers relay: the guard would be an open relay',
        mend: 'list your own networks, such as 192.0.2.0/24',
      });
  return faults;
}

/**
 * Networks that nobody has: an IPv4 prefix shorter than /8, an IPv6 one shorter than /7, which is that of fc00::/7. Two
 * halves of the internet are an open relay as the whole is.
 */
function tooWide(text: string): boolean {
  const prefix = parsePrefix(text);
  return prefix !== null && prefix.length < (prefix.family === 4 ? 8 : 7);
}

/** What an operator should know of a section that is valid: for `sekisho check`. */
export function smtpWarnings(options: SmtpOptions): string[] {
  const warnings: string[] = [];
  if (!options.xclient && !options.proxyProtocol)
    warnings.push(
      'smtp: without xclient or proxyProtocol the mail server takes every client for this machine: its SPF, blocklist and ' +
        'rate checks see one address, and a permit_mynetworks of its own would trust everybody',
    );
  if (options.tls === null)
    warnings.push('smtp: without tls neither STARTTLS nor AUTH is offered, and mail comes in in the clear');
  return warnings;
}
