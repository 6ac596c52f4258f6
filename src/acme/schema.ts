/** The part of the schema about certificates that are ordered (ACME, RFC 8555). */
import Type, { type TProperties } from 'typebox';

const object = <T extends TProperties>(properties: T, options: object) =>
  Type.Object(properties, { additionalProperties: false, ...options });

const word = <const T extends string>(words: readonly T[], options: { readonly description: string }) =>
  Type.Unsafe<T>({ type: 'string', enum: [...words], ...options });

const text = (description: string, options: object = {}) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description, ...options }));

/** Certificates that the program orders and renews by itself. */
export const acmeCertificates = object(
  {
    acme: object(
      {
        email: text('Where the authority may write to about trouble.', {
          pattern: '^[^\\s<>@,;?]+@[^\\s<>@,;?]+$',
          fix: 'write an address such as admin@example.net',
        }),
        terms: Type.Optional(
          word(['agreed'], {
            description:
              'Says that you agree to the terms of service of the authority, which are named at its directory; nothing is ordered without it.',
          }),
        ),
        directory: text(
          "Default: https://acme-v02.api.letsencrypt.org/directory. The authority's directory. It and no other host is called for certificates.",
          { pattern: '^https://[^\\s/?#@]+(?:/\\S*)?$', fix: 'write https://HOST/PATH' },
        ),
        ca: text(
          "PEM file of those who sign for the authority's own server, for a private one. Relative names start at the folder of the config.",
        ),
        externalAccount: Type.Optional(
          object(
            {
              id: Type.String({ minLength: 1, maxLength: 1024, description: 'The key identifier.' }),
              key: Type.String({
                pattern: '^[A-Za-z0-9_-]{16,1024}$',
                fix: 'write the MAC key as the authority gave it, in base64url',
                description: 'The MAC key, base64url. Hazard: a secret.',
              }),
            },
            { description: 'What an authority gives to its customers to tie an account to them (EAB).' },
          ),
        ),
        hosts: Type.Optional(
          Type.Array(
            Type.String({
              pattern: '^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\\.[a-z0-9-]{1,63})*$',
              fix: 'write a name such as mail.example.net, in small letters',
              description: 'A name.',
            }),
            {
              maxItems: 100,
              description:
                'Names that a certificate is ordered for besides the hosts of the sites, such as that of the mail server.',
            },
          ),
        ),
      },
      {
        description:
          'Certificates by ACME, one for each host of the sites that is a name without `*` and that no certificate in a file is for: wildcards take files. Several `acme` in one config are ' +
          'one account: what one of them says need not be said again.',
      },
    ),
  },
  { description: 'Certificates that are ordered and renewed by themselves.' },
);

/** The certificates of the listeners of HTTP, for other listeners. */
export const certificatesOfSites = object(
  {
    certificatesOf: word(['sites'], {
      description: '`sites`: the certificates of every listener in `listen`.',
    }),
  },
  { description: 'The certificates of the listeners of HTTP.' },
);

export const acmeFolder = object(
  {
    folder: Type.String({
      default: '/var/lib/sekisho/acme',
      minLength: 1,
      fix: 'write a folder',
      description:
        'Folder of account keys, keys and certificates, readable by the program alone; it is made where it is not there. Relative names start at ' +
        'the folder of the config. Workers share it.',
    }),
    secret: text(
      'Seals account keys, keys and certificates on their way through the store of the fleet, where one gateway orders for all; the same on every ' +
        'gateway. Needed with `fleet`. Hazard: whoever has it and reads the store has the keys.',
      { minLength: 32, fix: 'write 32 characters or more, such as those of: openssl rand -base64 32' },
    ),
  },
  { default: {}, description: 'Certificates that are ordered by `tls: { acme: … }`.' },
);
