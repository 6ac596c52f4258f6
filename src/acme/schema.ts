/** The schema of the ACME settings (RFC 8555). */
import Type, { type TProperties } from 'typebox';

const object = <T extends TProperties>(properties: T, options: object) =>
  Type.Object(properties, { additionalProperties: false, ...options });

const word = <const T extends string>(words: readonly T[], options: { readonly description: string }) =>
  Type.Unsafe<T>({ type: 'string', enum: [...words], ...options });

const text = (description: string, options: object = {}) =>
  Type.Optional(Type.String({ minLength: 1, maxLength: 2048, description, ...options }));

/** Certificates that the program orders and renews automatically. */
export const acmeCertificates = object(
  {
    acme: object(
      {
        email: text('Contact to which the authority reports trouble with certificates.', {
          pattern: '^[^\\s<>@,;?]+@[^\\s<>@,;?]+$',
          fix: 'write an address such as admin@example.net',
        }),
        terms: Type.Optional(
          word(['agreed'], {
            description:
              "States that you agree to the authority's terms of service, which its directory links to. Nothing is ordered without it.",
          }),
        ),
        directory: text(
          "Default: https://acme-v02.api.letsencrypt.org/directory. URL of the authority's directory. No other host is contacted for certificates.",
          { pattern: '^https://[^\\s/?#@]+(?:/\\S*)?$', fix: 'write https://HOST/PATH' },
        ),
        ca: text(
          "PEM file with the CAs for the authority's own server, if it is private. Relative names start at the folder of the config.",
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
            {
              description:
                "External account binding (EAB): ties the ACME account to the operator's account with the authority.",
            },
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
                'Names to order certificates for in addition to the hosts of the sites, such as that of the mail server.',
            },
          ),
        ),
      },
      {
        description:
          'Certificates by ACME: one for each host of the sites that is a name without `*` and is not covered by a certificate file. Wildcards take files. Several `acme` in one config share ' +
          'one account: settings need to be written only once.',
      },
    ),
  },
  { description: 'Certificates that are ordered and renewed automatically.' },
);

/** Lets other listeners use the certificates of the HTTP listeners. */
export const certificatesOfSites = object(
  {
    certificatesOf: word(['sites'], {
      description: '`sites`: the certificates of every listener in `listen`.',
    }),
  },
  { description: 'The certificates of the HTTP listeners.' },
);

export const acmeFolder = object(
  {
    folder: Type.String({
      default: '/var/lib/sekisho/acme',
      minLength: 1,
      fix: 'write a folder',
      description:
        'Folder for account keys, keys and certificates, readable only by the program; created if missing. Relative names start at ' +
        'the folder of the config. Workers share it.',
    }),
    secret: text(
      "Encrypts account keys, keys and certificates in the fleet's store, through which the gateway that orders shares them; the same on every " +
        'gateway. Required with `fleet`. Hazard: anyone who has it and can read the store has the keys.',
      { minLength: 32, fix: 'write 32 characters or more, such as those of: openssl rand -base64 32' },
    ),
  },
  { default: {}, description: 'Certificates ordered by `tls: { acme: … }`.' },
);
