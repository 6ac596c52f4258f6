/** The config that `sekisho init` writes. */
import type { CertificateFiles } from '../listener/certificates.ts';

export interface Answers {
  /** The host names that visitors use. */
  readonly hosts: readonly string[];
  /** The web server behind Sekisho: a URL, `unix:/PATH`, or `welcome`. */
  readonly backend: string;
  /** `ADDR:PORT` that visitors connect to. */
  readonly listen: string;
  /** Null: plain HTTP only. */
  readonly https: Https | null;
}

export interface Https {
  /** `ADDR:443`. */
  readonly listen: string;
  /** Certificate files; or the mail address for certificates ordered from an authority. */
  readonly certificates: readonly CertificateFiles[] | { readonly email: string };
}

/** Plain names and URLs unquoted; anything else as a JSON string, which is valid YAML. */
const quoted = (text: string): string =>
  /^(?:https?:\/\/)?[a-z][a-z\d-]*(?:\.[a-z\d-]+)+$|^https?:\/\/[\d.]+:\d+$/.test(text)
    ? text
    : JSON.stringify(text);

function listeners(listen: string, https: Answers['https']): string {
  if (https === null) return `  - ${JSON.stringify(listen)}\n`;
  return (
    `  - { address: ${JSON.stringify(listen)}, redirect: https }\n` +
    `  - address: ${JSON.stringify(https.listen)}\n${certificates(https)}`
  );
}

function certificates({ certificates: shown }: Https): string {
  if ('email' in shown)
    return (
      '    # Ordered from Let’s Encrypt for each name of the sites, and renewed. Its terms: https://letsencrypt.org/repository/\n' +
      `    tls:\n      acme: { email: ${JSON.stringify(shown.email)}, terms: agreed }\n`
    );
  const pairs = shown.map(
    ({ cert, key }) => `        - { cert: ${JSON.stringify(cert)}, key: ${JSON.stringify(key)} }\n`,
  );
  return `    # Read again when they are renewed.\n    tls:\n${pairs.join('')}`;
}

export function newConfig({ hosts, backend, listen, https }: Answers): string {
  return `# Sekisho runs in front of your web server and passes on the requests meant for it.
# Every setting and its default: docs/reference/config.md. After each change: sekisho check --config FILE.

# Where visitors connect. For IPv6 and IPv4 together: "[::]:80".
listen:
${listeners(listen, https)}
sites:
  # Every host name that visitors use. Requests for any other are refused.
  - hosts:
${hosts.map((host) => `      - ${quoted(host)}\n`).join('')}    # Your web server. Sekisho never connects anywhere else.
    backend: ${quoted(backend)}
    # websocket: true

# To watch before blocking anything: preset observe.
policy:
  preset: default

# Clients that keep probing are banned for a while. Never banned: your office, your monitoring.
bans:
  allow: []
  # - 192.0.2.0/24

# The dashboard: http://127.0.0.1:9090, on this machine only. Its token is printed at start.
admin: { listen: 127.0.0.1:9090 }
`;
}
