/** The part of the schema about the listeners of HTTP. */
import Type from 'typebox';
import { acmeCertificates } from '../acme/schema.ts';
import { file, listenAddress, object, word } from './schema-parts.ts';

const clients = object(
  {
    ca: file('PEM file of the authorities that sign client certificates. Read again when it changes.'),
    verify: Type.Optional(
      word(['require', 'request'], {
        description:
          'Default: require, no connection without a valid certificate. `request`: clients without a certificate are served, clients with an invalid one are not.',
      }),
    ),
  },
  {
    description:
      'Ask clients for a certificate (mTLS). Backends get its subject as `X-Client-Cert-Subject`, such as `CN=alice,O=Example` ' +
      '(RFC 4514; octets beyond ASCII are escaped with `\\`). A header of that name from a client, or from a proxy in front, is always removed, on every listener. ' +
      'A certificate without a subject is refused. In a list of certificates, write this at one entry; it holds for all.',
  },
);

const certificate = object(
  {
    cert: file(
      'PEM file of the certificate and its chain. If the certificate demands OCSP stapling (must-staple), its responder is asked.',
    ),
    key: file('PEM file of its private key. Hazard: keep it readable by the program alone.'),
    clients: Type.Optional(clients),
  },
  { description: 'A certificate and its key.' },
);

export const listener = Type.Union(
  [
    listenAddress({
      description: 'Address and port to accept connections on; IPv6 in brackets; port 0 takes a free one.',
    }),
    object({
      address: listenAddress({ description: 'Address and port; IPv6 in brackets; port 0 takes a free one.' }),
      tls: Type.Optional(
        Type.Union(
          [
            certificate,
            acmeCertificates,
            Type.Array(Type.Union([certificate, acmeCertificates]), {
              minItems: 1,
              fix: 'list one certificate or more',
            }),
          ],
          {
            fix: 'write { cert: FILE, key: FILE }, { acme: { email: ADDRESS, terms: agreed } }, or a list of such',
            description:
              'Speak TLS here, with HTTP/2 and HTTP/1.1 by ALPN. Of several certificates, the one whose names match the SNI of the client is ' +
              'shown, or the first one if none matches. Two certificates for the same names may have keys of different kinds: the RSA one is ' +
              'then shown only to clients that do not know ECDSA. Files are read again when they, or the links to them, change; if certificate and ' +
              'key do not match, that is logged and the previous pair stays in use.',
          },
        ),
      ),
      proxyProtocol: Type.Optional(
        Type.Boolean({
          fix: 'write true or false',
          description:
            'Default: false. Connections from `trustedProxies` begin with a PROXY protocol header (version 1 or 2), which names the client. ' +
            'From any other peer such a header is a probe.',
        }),
      ),
      redirect: Type.Optional(
        word(['https'], {
          description:
            'Redirect requests for our hosts to https: 301 for GET and HEAD, 308 for other methods, to the same path of the same site, ' +
            'at the port of the first listener with `tls` (443 if there is none). Everything else is refused as on any listener. ' +
            '`/.well-known/acme-challenge/` still goes to the backend, except for challenges of our own orders.',
        }),
      ),
    }),
  ],
  {
    fix: 'write ADDR:PORT, or a map with address',
    description:
      'A listener that speaks HTTP/1.1, and with `tls` HTTP/2 too. `[::]` accepts IPv4 too, so it cannot share a port with `0.0.0.0`. ' +
      '0.0.0.0 and [::] are reachable from every network of this machine.',
  },
);
