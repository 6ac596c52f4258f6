/** The part of the schema about the admin plane: dashboard, metrics and API. */
import Type from 'typebox';
import { acmeCertificates, certificatesOfSites } from '../acme/schema.ts';
import { listenAddress, object } from './schema-parts.ts';
import { tlsFiles } from './watch-schema.ts';

export const admin = object({
  listen: listenAddress({
    default: '127.0.0.1:9090',
    description:
      'Address and port of dashboard, metrics and admin API. An address other than loopback needs `tls` or a `token` of ' +
      'your own. Hazard: without tls the token travels in the clear.',
  }),
  tls: Type.Optional(
    Type.Union([tlsFiles, acmeCertificates, certificatesOfSites], {
      fix: 'write { cert: FILE, key: FILE }, { acme: … } or { certificatesOf: sites }',
      description: 'Speak TLS here.',
    }),
  ),
  url: Type.Optional(
    Type.String({
      maxLength: 1024,
      format: 'sekisho-http-service',
      fix: 'write https://HOST or http://HOST:PORT',
      description: 'Where people reach the dashboard: alerts link to it. By default alerts hold no link.',
    }),
  ),
  token: Type.Optional(
    Type.String({
      minLength: 16,
      maxLength: 512,
      pattern: '^[A-Za-z0-9._~+/-]+=*$',
      fix: 'write 16 characters or more out of A-Z a-z 0-9 . _ ~ + / -, or leave it out and one is made at start',
      description:
        'The bearer token. By default one is made at start and printed once. Hazard: anyone who can read the config can read it.',
    }),
  ),
});
