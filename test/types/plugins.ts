/**
 * What the types of the package promise. Compiled, never run: by `npm run typecheck` as it is, and by the package test
 * against the installed package.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import {
  type AlertsOptions,
  alerts,
  type BansOptions,
  bans,
  type Checkpoint,
  ConfigError,
  type DashboardOptions,
  dashboard,
  type Fault,
  type ForwardOptions,
  forward,
  type MetricsOptions,
  metrics,
  type ProbeEvent,
  type RateLimitOptions,
  type RelayGuardOptions,
  type RuleId,
  rateLimit,
  relayGuard,
  type Verdict,
} from '../../src/index.ts';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

const app = Fastify();

app.register(relayGuard, { hosts: ['www.example.net'] });
app.register(relayGuard, {
  hosts: ['www.example.net', '*.example.net', '192.0.2.80:8080'],
  trustedProxies: ['10.0.0.0/8'],
  allow: ['192.0.2.0/24'],
  websocket: false,
  policy: {
    preset: 'strict',
    rules: {
      'host-foreign': 'flag',
      connect: 'block',
      framing: { answer: 'drop' },
      'url-in-path': { action: 'allow' },
    },
  },
  onProbe: (event) => same<typeof event, ProbeEvent>(true),
  onError: (error) => same<typeof error, unknown>(true),
});
// @ts-expect-error hosts are needed
app.register(relayGuard, {});
// @ts-expect-error an unknown option
app.register(relayGuard, { hosts: ['www.example.net'], host: 'www.example.net' });
// @ts-expect-error an unknown preset
app.register(relayGuard, { hosts: ['www.example.net'], policy: { preset: 'lax' } });
// @ts-expect-error CONNECT can only be blocked
app.register(relayGuard, { hosts: ['www.example.net'], policy: { rules: { connect: 'allow' } } });
// @ts-expect-error no such rule
app.register(relayGuard, { hosts: ['www.example.net'], policy: { rules: { teapot: 'flag' } } });

app.register(forward, { prefix: '/api', backend: 'http://127.0.0.1:8081', websocket: true });
app.register(forward, {
  backends: [{ url: 'http://127.0.0.1:8081', weight: 2 }],
  timeouts: { connect: '1s' },
});
// @ts-expect-error a number is no URL
app.register(forward, { backend: 8081 });

app.register(metrics, { token: false });
// @ts-expect-error a variable that is not set would publish them
app.register(metrics, { token: process.env.METRICS_TOKEN });
app.register(metrics, { path: '/internal/metrics', token: 'sixteen or more letters' });
// @ts-expect-error a number is no path
app.register(metrics, { path: 9090, token: false });

app.register(rateLimit, { max: 100, timeWindow: '1m', allow: ['192.0.2.0/24'] });
// @ts-expect-error a time has a unit
app.register(rateLimit, { max: 100, timeWindow: 60_000 });

app.register(bans, {
  after: 3,
  within: 60_000,
  for: [600_000],
  allow: ['192.0.2.0/24'],
  lists: ['/etc/drop.txt'],
});
app.register(bans, {
  journal: '/var/lib/app/bans.db',
  onBan: ({ prefix }) => same<typeof prefix, string>(true),
});
app.register(bans, { within: '10m', for: ['10m', '1h'] });
// @ts-expect-error one ban after the other
app.register(bans, { for: 600_000 });
same<boolean, ReturnType<FastifyInstance['bans']['isBanned']>>(true);

app.register(alerts, { webhook: 'https://hooks.example.net/a', when: { ban: false } });
app.register(alerts, {
  webhook: [{ url: 'https://hooks.example.net/a', style: 'slack' }],
  mail: { smarthost: 'smtp://127.0.0.1:25', from: 'app@example.net', to: ['ops@example.net'] },
});
// @ts-expect-error no such style
app.register(alerts, { webhook: { url: 'https://hooks.example.net/a', style: 'pigeon' } });

app.register(dashboard, { token: 'sixteen or more letters', journal: { path: '/var/lib/app/events.db' } });
// @ts-expect-error a token is needed
app.register(dashboard, { listen: '127.0.0.1:9090' });
same<FastifyInstance['relayDashboard']['url'], string>(true);

same<FastifyInstance['relayGuard'], Checkpoint>(true);
app.get('/', { config: { relayGuard: false } }, async (request) => {
  same<typeof request.relayVerdict, Verdict>(true);
  same<typeof request.relayVerdict.rule, RuleId | null>(true);
  // @ts-expect-error what was judged stays as it was judged
  request.relayVerdict = app.relayGuard.judge(request.raw).verdict;
  return app.relayGuard.judge(request.raw).client.address;
});
// @ts-expect-error true or false
app.get('/b', { config: { relayGuard: 'no' } }, async () => '');

/** Servers of every kind that Fastify has. */
Fastify({ https: {} }).register(relayGuard, { hosts: ['www.example.net'] });
Fastify({ http2: true }).register(relayGuard, { hosts: ['www.example.net'] });
Fastify({ http2: true, https: {} }).register(relayGuard, { hosts: ['www.example.net'] });

const options: RelayGuardOptions & { hosts: readonly string[] } = { hosts: ['www.example.net'] };
const forwarding: ForwardOptions = { backend: 'unix:/run/app.sock' };
const watching: [MetricsOptions, BansOptions, RateLimitOptions, AlertsOptions, DashboardOptions] = [
  { token: false },
  {},
  {},
  { syslog: 'udp://127.0.0.1:514' },
  { token: 'sixteen or more letters' },
];
same<ConfigError['faults'], readonly Fault[]>(true);

export { ConfigError, forwarding, options, watching };
