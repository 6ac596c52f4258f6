/** How the config's `smtp` section is written. Every default is here. */
import type { Static, TProperties } from 'typebox';
import Type from 'typebox';
import { acmeCertificates, certificatesOfSites } from '../acme/schema.ts';
import { withholdable } from './capabilities.ts';

const object = <T extends TProperties>(properties: T, description: string) =>
  Type.Object(properties, { additionalProperties: false, default: {}, description });

const count = (standard: number, description: string) =>
  Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: standard,
    fix: 'write a whole number from 1 to 1000000',
    description,
  });

const timeout = (standard: string, description: string) =>
  Type.String({
    pattern: '^[1-9][0-9]{0,8}(?:ms|s|m|h|d)$',
    format: 'sekisho-timeout',
    fix: 'write a number and ms, s, m, h or d, such as 250ms, 10s or 1d: at least 1ms, at most 1d',
    default: standard,
    description,
  });

const hostPort = (description: string) =>
  Type.String({
    pattern: '^(?:[A-Za-z0-9._-]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]{1,5}$',
    maxLength: 260,
    fix: 'write HOST:PORT such as 127.0.0.1:2525, IPv6 in brackets',
    description,
  });

const prefixes = (description: string, more: { default?: string[] } = {}) =>
  Type.Array(
    Type.String({
      pattern: '^[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?$',
      format: 'sekisho-cidr',
      fix: 'write a prefix such as 192.0.2.0/24 or 2001:db8::/32, or a single address',
    }),
    { ...more, description },
  );

const listenAddress = Type.String({
  pattern: '^(?:[0-9.]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]{1,5}$',
  format: 'sekisho-listen',
  fix: 'write ADDR:PORT such as 0.0.0.0:25 or "[::]:25"',
  description: 'Address and port; IPv6 in brackets; port 0 takes a free one.',
});

const file = (description: string) => Type.String({ minLength: 1, fix: 'name a file', description });

const backendList = Type.Array(hostPort('A mail server, HOST:PORT.'), {
  minItems: 1,
  fix: 'list one HOST:PORT or more',
  description:
    'Several mail servers in place of `backend`. Sessions are dealt out in turn; one that refuses, hangs or answers 4xx ' +
    'is passed over, as long as the client has not been greeted, and comes last for 10 s. Nothing outside this list is ever dialled.',
});

const listener = Type.Object(
  {
    address: listenAddress,
    auth: Type.Optional(
      Type.Unsafe<'offered' | 'required' | 'none'>({
        type: 'string',
        enum: ['offered', 'required', 'none'],
        fix: 'write offered, required or none',
        description:
          '`offered` (the default): AUTH under TLS, and mail for `domains` without it. `required`: no mail before AUTH, from `relayFrom` neither; for ' +
          'ports 587 and 465. `none`: no AUTH, so that nobody can guess passwords here; for port 25.',
      }),
    ),
    tls: Type.Optional(
      Type.Unsafe<'starttls' | 'implicit'>({
        type: 'string',
        enum: ['starttls', 'implicit'],
        fix: 'write starttls or implicit',
        description: '`starttls` (the default), or `implicit`: TLS from the first byte, as on port 465.',
      }),
    ),
    backend: Type.Optional(hostPort('The mail server of this listener, in place of the one of all.')),
    backends: Type.Optional(backendList),
    proxyProtocol: Type.Optional(
      Type.Boolean({
        fix: 'write true or false',
        description:
          'Connections of `trustedProxies` begin with a PROXY header, version 1 or 2, that names the client: behind HAProxy, a cloud balancer, or anything that else makes ' +
          'all clients one. Default false.',
      }),
    ),
  },
  { additionalProperties: false, description: 'A listener with settings of its own.' },
);

const certificate = Type.Object(
  {
    cert: file('File with the certificate and its chain, PEM.'),
    key: file('File with the private key, PEM.'),
  },
  { additionalProperties: false, fix: 'write { cert: FILE, key: FILE }' },
);

const mailDomain = Type.String({
  minLength: 1,
  maxLength: 255,
  format: 'sekisho-mail-domain',
  fix: 'write a domain such as example.net, "*.example.net", or an address literal such as "[192.0.2.1]"',
});

/** The `smtp` section of the config. */
export const smtpSchema = Type.Object(
  {
    listen: Type.Union([listenAddress, Type.Array(Type.Union([listenAddress, listener]), { minItems: 1 })], {
      fix: 'write ADDR:PORT, or a list of them and of { address: ADDR:PORT, auth: …, tls: …, backend: …, proxyProtocol: … }',
      description:
        'Where mail comes in: port 25, and 587 and 465 for people who send. The mail server behind must not be reachable from outside any more.',
    }),
    backend: Type.Optional(hostPort('The mail server that mail is passed on to, such as 127.0.0.1:2525.')),
    backends: Type.Optional(backendList),
    domains: Type.Union(
      [
        Type.Array(mailDomain, { minItems: 1 }),
        Type.Object(
          {
            file: file(
              'File with a domain a line: a name, `*.name` or `.name` for every name below it, an address literal. What follows white space is left alone, as in the text of a Postfix ' +
                'hash map, and so is what follows `#`. Read again when it changes; one that can not be read then changes nothing, and is told in the log.',
            ),
          },
          { additionalProperties: false },
        ),
      ],
      {
        fix: 'list one domain or more, or write { file: FILE }',
        description:
          "Domains that mail is taken for from anywhere: names, `*.name` for every name below it, address literals; or `{ file: FILE }`. The mail server's " +
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
      Type.Union(
        [certificate, acmeCertificates, certificatesOfSites, Type.Array(certificate, { minItems: 1 })],
        {
          fix: 'write { cert: FILE, key: FILE }, a list of them, { acme: { hosts: [NAME] } } or { certificatesOf: sites }',
          description:
            'Offer STARTTLS with this certificate, or of several with the one for the name asked for, the first where none is. Read again when the files change. ' +
            'TLS ends here. Without it neither STARTTLS nor AUTH is offered.',
        },
      ),
    ),
    backendTls: Type.Optional(
      Type.Object(
        {
          mode: Type.Optional(
            Type.Unsafe<'starttls' | 'implicit'>({
              type: 'string',
              enum: ['starttls', 'implicit'],
              fix: 'write starttls or implicit',
              description: '`starttls` (the default), or `implicit`: TLS from the first byte.',
            }),
          ),
          ca: Type.Optional(file('PEM file of the authorities to believe, in place of the system’s.')),
          servername: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 253,
              fix: 'write the name in the certificate',
              description: 'The name in the certificate, where it is not the host of the backend.',
            }),
          ),
          verify: Type.Optional(
            Type.Boolean({
              fix: 'write true or false',
              description:
                'Believe only a valid certificate (the default). Hazard: with false, whoever sits between can read and change everything.',
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'TLS to the mail server. Absent: it is spoken to in the clear.',
        },
      ),
    ),
    xclient: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        "Tell the mail server the client's address by XCLIENT (Postfix: smtpd_authorized_xclient_hosts). Where the mail server does not offer it the session is refused with 421. " +
        'Without this and `proxyProtocol` the mail server takes every client for this machine: its own relay, SPF and blocklist checks see one address.',
    }),
    proxyProtocol: Type.Union([Type.Boolean(), Type.Literal('v1'), Type.Literal('v2')], {
      default: false,
      fix: 'write true, false, v1 or v2',
      description:
        "Tell the mail server the client's address by a PROXY protocol header (Postfix: smtpd_upstream_proxy_protocol; Exim: hosts_proxy). `true` is `v1`; `v2` says too whether the client " +
        'spoke TLS at that moment, and how. Hazard: whoever reaches that port of the mail server can claim any address, so let this machine alone reach it. Not together with `xclient`.',
    }),
    reuse: Type.Boolean({
      default: true,
      fix: 'write true or false',
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
        fix: 'write refuse, normalize, or { normalize: [PREFIX, …] }',
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
      fix: 'write any or plain',
      description:
        'Local parts of our own domains, from outside. `any`: all but what some mail server expands (a `%`, `!` or `@`, `::`, `${`, a leading sign of a file, program ' +
        'or option). `plain`: without `: / | ( ) < > , ; \\ " ` and spaces too, which SRS, BATV, sub-addresses and gateways write, where scripts behind the mail server ' +
        'can not be trusted with them.',
    }),
    withhold: Type.Array(
      Type.Unsafe<(typeof withholdable)[number]>({
        type: 'string',
        enum: [...withholdable],
        fix: `write one of ${withholdable.join(', ')}`,
      }),
      {
        default: [],
        description:
          'EHLO keywords that clients are not offered which may not relay, though the mail server offers them. Without `DSN` nobody from outside can ask for reports of ' +
          'delivery (`NOTIFY=SUCCESS`), which a forged sender turns into mail to a third party.',
      },
    ),
    submission: object(
      {
        limits: object(
          {
            messages: count(300, 'Messages of an account in an hour. Further ones get 450.'),
            recipients: count(1000, 'Recipients of an account in an hour. Further ones get 450.'),
            failures: count(
              20,
              'Failed tries to sign in to an account in an hour, from wherever. Then only addresses are let try that it has been signed in to from before; others get 454.',
            ),
          },
          'What an account may do in an hour: one whose password was stolen sends more.',
        ),
        senders: Type.Record(
          Type.String(),
          Type.Array(Type.String({ minLength: 1, fix: 'write an address, or @DOMAIN for all of a domain' }), {
            fix: 'list addresses, or @DOMAIN for all of a domain',
          }),
          {
            default: {},
            description:
              'Sender addresses that an account may use: `{ anna: [anna@example.net, "@lists.example.net"] }`; `"*"` is for accounts that are not listed. Others get 553. ' +
              'Absent: any.',
          },
        ),
      },
      'Mail of those who have signed in.',
    ),
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
            fix: 'write a number and B, KiB, MiB or GiB, such as 50MiB',
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
