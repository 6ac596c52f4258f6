/** The config that a newcomer begins with. */
import type { CertificateFiles } from '../listener/certificates.ts';

export interface Answers {
  /** The names that visitors use. */
  readonly hosts: readonly string[];
  /** The web server behind: a URL, `unix:/PATH`, or `welcome`. */
  readonly backend: string;
  /** `ADDR:PORT` that visitors come to. */
  readonly listen: string;
  /** Null: plain HTTP alone. */
  readonly https: Https | null;
}

export interface Https {
  /** `ADDR:443`. */
  readonly listen: string;
  /** What is shown there: files; or where an authority that certificates are ordered from may write to. */
  readonly certificates: readonly CertificateFiles[] | { readonly email: string };
}

/** A name or a URL as it stands; anything else as JSON, whose strings are YAML's too. */
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
  return `# Sekisho stands here, and passes on what is meant for your web server.
# Every setting and its default: docs/reference/config.md. After a change: sekisho check --config FILE.

# Where visitors come to. With IPv6: "[::]:80", which takes both.
listen:
${listeners(listen, https)}
sites:
  # Your names, every one that visitors use. Requests for any other are turned away.
  - hosts:
${hosts.map((host) => `      - ${quoted(host)}\n`).join('')}    # Your web server. Nothing else is ever dialled.
    backend: ${quoted(backend)}
    # websocket: true

# To look before anything is blocked, and block later: preset observe.
policy:
  preset: default

# Who keeps probing is turned away for a while; these never are: your office, your monitoring.
bans:
  allow: []
  # - 192.0.2.0/24

# The dashboard: http://127.0.0.1:9090, on this machine only. The token is printed at the start.
admin: { listen: 127.0.0.1:9090 }
`;
}
