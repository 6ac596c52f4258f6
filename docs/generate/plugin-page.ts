/** The plugins page, from the doc comments of their options, so that it says what an editor shows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedNote } from './note.ts';
import { table } from './table.ts';

const root = join(import.meta.dirname, '../..');

interface Option {
  readonly name: string;
  readonly optional: boolean;
  readonly about: string;
  readonly standard: string;
}

interface Plugin {
  /** Sub-path of the package. */
  readonly path: string;
  readonly name: string;
  readonly what: string;
  readonly example: string;
  /** File and interface of the options. */
  readonly options: readonly [file: string, name: string];
  /** What the app gets. */
  readonly gives: readonly (readonly [name: string, what: string])[];
}

const hosts = "{ hosts: ['www.example.net'] }";
const plugins: readonly Plugin[] = [
  {
    path: 'relay-guard',
    name: 'relayGuard',
    what: 'Refuses requests that are not for the app, before any hook or route runs. Register it first, at the root.',
    example: `await app.register(relayGuard, ${hosts});`,
    options: ['src/config/guard-options.ts', 'RelayGuardSettings'],
    gives: [
      ['app.relayGuard', '`judge(request.raw)` returns the verdict and the client of a request'],
      ['request.relayVerdict', 'the verdict: `action` is `allow` or `flag`, `signals` are the rules'],
      ['config: { relayGuard: false }', 'exempts a route'],
    ],
  },
  {
    path: 'guard',
    name: 'guard',
    what: 'The same for any `node:http`, `node:https` or `node:http2` server. The options are those of `relayGuard`.',
    example: `const { judge, replace, detach } = guard(app.server, ${hosts});`,
    options: ['plugins/guard.ts', 'Guard'],
    gives: [],
  },
  {
    path: 'forward',
    name: 'forward',
    what: 'A reverse proxy for its prefix, or for everything that no other route takes. Works with or without a guard.',
    example: "app.register(forward, { prefix: '/shop', backend: 'http://127.0.0.1:8082' });",
    options: ['src/config/forward-options.ts', 'ForwardSettings'],
    gives: [['reply.forward(path, replyOptions)', 'with `routes: false`: sends the request on']],
  },
  {
    path: 'bans',
    name: 'bans',
    what: 'Refuses clients that were blocked too often. It and `relayGuard` find each other, in either order.',
    example: "await app.register(bans, { after: 5, within: '10m' });",
    options: ['src/config/ban-options.ts', 'BansSettings'],
    gives: [['app.bans', '`isBanned(prefix)`, and `ledger` to add and remove bans']],
  },
  {
    path: 'rate-limit',
    name: 'rateLimit',
    what: 'Limits the requests of each client, after `relayGuard`. Requests over the limit get 429 with Retry-After.',
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(rateLimit, { max: 1000, timeWindow: '1m' });`,
    options: ['src/config/rate-limit-options.ts', 'RateLimitSettings'],
    gives: [['app.rateLimits', 'the current counts']],
  },
  {
    path: 'metrics',
    name: 'metrics',
    what: "Prometheus metrics on the app's own listener. Needs `relayGuard` and the package prom-client.",
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(metrics, { token: process.env.METRICS_TOKEN });`,
    options: ['plugins/metrics.ts', 'MetricsSettings'],
    gives: [],
  },
  {
    path: 'alerts',
    name: 'alerts',
    what: 'One message when an attack begins, one when it ends, one for each ban. Needs `relayGuard`; webhooks need the package undici, mail needs nodemailer.',
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(alerts, { webhook: 'https://hooks.example.net/services/a' });`,
    options: ['src/config/alert-options.ts', 'AlertsSettings'],
    gives: [],
  },
  {
    path: 'dashboard',
    name: 'dashboard',
    what: 'Dashboard and admin API on their own listener. Needs `relayGuard` and the optional packages.',
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(dashboard, { token: process.env.DASHBOARD_TOKEN, listen: '127.0.0.1:0' });`,
    options: ['src/config/dashboard-options.ts', 'DashboardSettings'],
    gives: [['app.relayDashboard.url', 'its address, once the app is ready']],
  },
];

const intro = `# Plugins

The plugins for your own apps: [how to use them](../how-to/fastify.md). Each plugin has its own import path, and \`sekisho\` exports all of
them; each is typed, and ships as ES module and as CommonJS. All faults in the options are reported at once, in an error with code
\`SEKISHO_ERR_CONFIG\` and the list \`faults\`. Times are a number followed by \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`.
`;

/** The members of an interface, with their doc comments. */
function optionsOf(file: string, name: string): Option[] {
  const source = readFileSync(join(root, file), 'utf8');
  const body = new RegExp(`export interface ${name}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}\\n`).exec(source)?.[1];
  if (body === undefined) throw new Error(`${file} has no interface ${name}`);
  const members = body.matchAll(/^ {2}\/\*\*([\s\S]*?)\*\/\n {2}(?:readonly )?(\w+)(\??)(\([^)]*\))?/gm);
  let last = '';
  const found = [...members].map(([, comment = '', member = '', optional = '', call = '']): Option => {
    last = text(comment);
    const [about = '', standard = ''] = last.split('@default');
    return {
      name: member + call.replace(/: [\w.<>[\] ]+/g, ''),
      optional: optional === '?',
      about: about.split(/@\w+/, 1)[0]!.trim(),
      standard: standard.trim(),
    };
  });
  if (found.length === 0) throw new Error(`${name} in ${file} has no options`);
  return found;
}

const text = (comment: string): string =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*\s?/, '').trim())
    .join(' ')
    .replaceAll(/\s+/g, ' ')
    .trim();

export function pluginPage(): string {
  const sections = plugins.flatMap(({ path, name, what, example, options: [file, type], gives }) => {
    const rows = optionsOf(file, type).map(({ name: option, optional, about, standard }) => [
      `\`${option}\``,
      about,
      standard || (optional || option.includes('(') ? '' : 'required'),
    ]);
    const imports = [
      ...new Set(
        [...example.matchAll(/register\((\w+)|= (guard)\(/g)].map(([, one, other]) => one ?? other!),
      ),
    ];
    return [
      `## ${name}\n`,
      `${what}\n`,
      '```js',
      `import { ${imports.sort().join(', ')} } from '${imports.length === 1 ? `sekisho/${path}` : 'sekisho'}';\n`,
      `${example}`,
      '```\n',
      ...table([name === 'guard' ? 'Returns' : 'Option', 'Meaning', 'Default'], rows),
      '',
      ...(gives.length === 0
        ? []
        : [
            ...table(
              ['The app has', ''],
              gives.map(([one, about]) => [`\`${one}\``, about]),
            ),
            '',
          ]),
    ];
  });
  return [generatedNote('the doc comments of the options, src/config/*-options.ts'), intro, ...sections].join(
    '\n',
  );
}
