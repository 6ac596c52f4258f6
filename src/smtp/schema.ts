/** The schema of the config's `smtp` section, with every default. */
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
  description: 'Address and port; IPv6 in brackets; port 0 chooses a free one.',
});

const file = (description: string) => Type.String({ minLength: 1, fix: 'name a file', description });

const backendList = Type.Array(hostPort('A mail server, HOST:PORT.'), {
  minItems: 1,
  fix: 'list one HOST:PORT or more',
  description:
    'Several mail servers instead of `backend`, used round-robin. Until the client is greeted, one that refuses, hangs or answers 4xx ' +
    'is skipped; it then comes last for 10 s. Nothing outside this list is ever dialled.',
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
          '`offered` (the default): AUTH under TLS, and mail for `domains` without AUTH. `required`: no mail before AUTH, even from `relayFrom`; for ' +
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
    backend: Type.Optional(hostPort('The mail server of this listener, instead of the common one.')),
    backends: Type.Optional(backendList),
    proxyProtocol: Type.Optional(
      Type.Boolean({
        fix: 'write true or false',
        description:
          'Connections from `trustedProxies` begin with a PROXY header, version 1 or 2, that names the client. For use behind HAProxy or a cloud balancer; without it all ' +
          'clients have the balancer’s address. Default false.',
      }),
    ),
  },
  { additionalProperties: false, description: 'A listener with its own settings.' },
);

const certificate = Type.Object(
  {
    cert: file(
      'File with the certificate and its chain, PEM. If the certificate demands OCSP stapling (must-staple), its responder is asked.',
    ),
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
      fix: 'write ADDR:PORT, or a list of these and of { address: ADDR:PORT, auth: …, tls: …, backend: …, proxyProtocol: … }',
      description:
        'Where the guard accepts mail: port 25, and 587 and 465 for your own users. The mail server itself must no longer be reachable from outside.',
    }),
    backend: Type.Optional(hostPort('The mail server to forward to, such as 127.0.0.1:2525.')),
    backends: Type.Optional(backendList),
    domains: Type.Union(
      [
        Type.Array(mailDomain, { minItems: 1 }),
        Type.Object(
          {
            file: file(
              'File with one domain a line: a name, `*.name` or `.name` for every name below it, or an address literal. Everything after white space or `#` is ignored, as in a Postfix ' +
                'hash map. Reloaded when it changes; if the new text is invalid, the old domains stay in force and the log says why.',
            ),
          },
          { additionalProperties: false },
        ),
      ],
      {
        fix: 'list one domain or more, or write { file: FILE }',
        description:
          "Domains that accept mail from anywhere: names, `*.name` for every name below it, address literals; or `{ file: FILE }`. Include the mail server's " +
          'own host name; the address a client connected to always counts as ours. Only `relayFrom` and authenticated clients may send ' +
          'to other domains.',
      },
    ),
    relayFrom: prefixes(
      'Prefixes whose clients may send to any domain, and are exempt from `connectionsPerClient`. Hazard: anyone who can send from these addresses can relay; list your own ' +
        'networks and nothing wider; a prefix shorter than /8 (IPv6: /7) is an error.',
      { default: [] },
    ),
    tls: Type.Optional(
      Type.Union(
        [certificate, acmeCertificates, certificatesOfSites, Type.Array(certificate, { minItems: 1 })],
        {
          fix: 'write { cert: FILE, key: FILE }, a list of them, { acme: { hosts: [NAME] } } or { certificatesOf: sites }',
          description:
            'Offer STARTTLS with this certificate; of several, with the one for the requested name, or else the first. Reloaded when the files change. ' +
            'The guard terminates TLS. Without a certificate neither STARTTLS nor AUTH is offered.',
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
          ca: Type.Optional(file('PEM file of the trusted authorities, instead of the system’s.')),
          servername: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 253,
              fix: 'write the name in the certificate',
              description: 'The name in the certificate, if it differs from the backend’s host.',
            }),
          ),
          verify: Type.Optional(
            Type.Boolean({
              fix: 'write true or false',
              description:
                'Require a valid certificate (the default). Hazard: with false, anyone on the path can read and change all mail.',
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'TLS to the mail server. Absent: no TLS.',
        },
      ),
    ),
    xclient: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        "Send the client's address to the mail server by XCLIENT (Postfix: smtpd_authorized_xclient_hosts). If the mail server does not offer XCLIENT, the session is refused with 421. " +
        'Without `xclient` or `proxyProtocol` the mail server takes every client for this machine: its own relay, SPF and blocklist checks see one address.',
    }),
    proxyProtocol: Type.Union([Type.Boolean(), Type.Literal('v1'), Type.Literal('v2')], {
      default: false,
      fix: 'write true, false, v1 or v2',
      description:
        "Send the client's address to the mail server in a PROXY protocol header (Postfix: smtpd_upstream_proxy_protocol; Exim: hosts_proxy). `true` is `v1`; `v2` adds the client's " +
        'TLS version and cipher at that moment. Hazard: anyone who reaches that port of the mail server can claim any address, so let only this machine reach it. Not together with `xclient`.',
    }),
    reuse: Type.Boolean({
      default: true,
      fix: 'write true or false',
      description:
        'Reuse a session with the mail server that delivered mail and ended well: for up to 100 clients in turn, idle for at most 2 s. ' +
        'Each client still begins with its own EHLO. With `xclient` or `proxyProtocol` a session serves only later connections of the same client address; the mail server then logs the port of the first.',
    }),
    bareNewline: Type.Union(
      [
        Type.Literal('refuse'),
        Type.Literal('normalize'),
        Type.Object(
          { normalize: prefixes('Networks whose clients may send bare CR and LF.') },
          { additionalProperties: false },
        ),
      ],
      {
        default: 'refuse',
        fix: 'write refuse, normalize, or { normalize: [PREFIX, …] }',
        description:
          'A bare CR or LF, in a message or at the end of a command: `refuse` it with 550 or 500, or `normalize` it to CRLF, as old ' +
          'printers and scanners need; `{ normalize: [192.0.2.0/28] }` does so only for these networks. Either way only CRLF.CRLF ends a message, so ' +
          'no second message can be smuggled inside it.',
      },
    ),
    localParts: Type.Unsafe<'any' | 'plain'>({
      type: 'string',
      enum: ['any', 'plain'],
      default: 'any',
      fix: 'write any or plain',
      description:
        'Local parts of our own domains, from outside. `any`: all except those that some mail server expands (a `%`, `!` or `@`, `::`, `${`, a leading sign of a file, program ' +
        'or option). `plain`: also refuse `: / | ( ) < > , ; \\ " ` and spaces, for scripts behind the mail server that mishandle them; SRS, BATV, sub-addresses and gateways ' +
        'use these.',
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
          'EHLO keywords of the mail server to hide from clients that can’t relay. Without `DSN` nobody from outside can request delivery ' +
          'reports (`NOTIFY=SUCCESS`), which a forged sender turns into mail to a third party.',
      },
    ),
    submission: object(
      {
        limits: object(
          {
            messages: count(300, 'Messages an account may send in an hour. Further ones get 450.'),
            recipients: count(1000, 'Recipients an account may send to in an hour. Further ones get 450.'),
            failures: count(
              20,
              'Failed sign-ins to an account in an hour, from all addresses. After that only networks it has signed in from before may try; others get 454.',
            ),
          },
          'Hourly limits of an account: a stolen one sends more.',
        ),
        senders: Type.Record(
          Type.String(),
          Type.Array(Type.String({ minLength: 1, fix: 'write an address, or @DOMAIN for all of a domain' }), {
            fix: 'list addresses, or @DOMAIN for all of a domain',
          }),
          {
            default: {},
            description:
              'Sender addresses an account may use: `{ anna: [anna@example.net, "@lists.example.net"] }`; `"*"` is for accounts not listed. Other senders get 553. ' +
              'Absent: any.',
          },
        ),
      },
      'Mail of signed-in accounts.',
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
          'Recipients of a message. Further ones get 452, so the sender sends the rest later.',
        ),
        errors: count(20, 'Refused commands in a session. Then it ends with 421.'),
        commandsBeforeMail: count(100, 'Commands outside messages in a session. Then it ends with 421.'),
        message: Type.Optional(
          Type.String({
            pattern: '^[1-9][0-9]{0,8}(?:B|KiB|MiB|GiB)$',
            format: 'sekisho-size',
            fix: 'write a number and B, KiB, MiB or GiB, such as 50MiB',
            description: 'The largest message. Larger ones get 552. Absent: the mail server’s limit.',
          }),
        ),
      },
      'Limits of a session and of all sessions together.',
    ),
    timeouts: object(
      {
        connect: timeout(
          '10s',
          'For a mail server to accept the connection, and to greet if another one is left to try.',
        ),
        greeting: timeout('5m', 'For the last mail server tried to greet: some delay their greeting.'),
        command: timeout('5m', 'For a client to send a whole command line, and to read the reply.'),
        data: timeout('3m', 'For each KiB of a message, on both sides.'),
        reply: timeout('5m', 'For the mail server to reply to a command.'),
        delivery: timeout('10m', 'For the mail server to reply to the end of a message.'),
      },
      'Timeouts (RFC 5321 section 4.5.3.2).',
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
