/** What to change in the server, by what was found. */
import type { Tally } from './tally.ts';

export interface Advice {
  readonly when: string;
  readonly apache: string;
  readonly nginx: string;
}

export function adviceFor({ outcomes, techniques }: Tally): Advice[] {
  const advice: Advice[] = [];
  const has = (...names: string[]): boolean => names.some((name) => techniques.has(name));
  if (outcomes['likely-relayed'] > 0 || outcomes.attempted > 0) {
    advice.push({
      when: 'Stop relaying',
      apache:
        'ProxyRequests Off, and no mod_proxy_connect; a reverse proxy needs ProxyPass alone. Where a forward proxy is wanted: <Proxy *> Require ip 192.0.2.0/24 </Proxy>.',
      nginx:
        'proxy_pass to a fixed upstream: never to $host, $http_host, $request_uri or another variable that a client writes.',
    });
  }
  if (has('absolute', 'absolute-port', 'host', 'malformed')) {
    advice.push({
      when: 'Give foreign names no page of yours',
      apache:
        'Put a first <VirtualHost *:80> before all others, ServerName unknown.invalid, with: Require all denied.',
      nginx: 'server { listen 80 default_server; server_name _; return 421; }',
    });
  }
  if (has('connect', 'connect-self', 'connect-bad')) {
    advice.push({
      when: 'Refuse CONNECT before a script answers it',
      apache:
        '<Location "/"> AllowMethods GET HEAD POST OPTIONS </Location> (mod_allowmethods); PHP answers any method otherwise.',
      nginx:
        'Nothing to do since 1.21.1: CONNECT gets 405. Before that: if ($request_method = CONNECT) { return 405; }',
    });
  }
  if (has('mail')) {
    advice.push({
      when: 'Relay mail for your own people only (Postfix)',
      apache:
        'smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
      nginx: 'mynetworks: addresses of your own, never 0.0.0.0/0.',
    });
  }
  return advice;
}
