/** The page about the plugins, from the doc comments of their options: what an editor shows is what stands there. */
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
  /** What the app has of it. */
  readonly gives: readonly (readonly [name: string, what: string])[];
}

const hosts = "{ hosts: ['www.example.net'] }";
const plugins: readonly Plugin[] = [
  {
    path: 'relay-guard',
    name: 'relayGuard',
    what: 'Refuses what is not for the app before any hook or route runs. Register it first, at the root.',
    example: `await app.register(relayGuard, ${hosts});`,
    options: ['src/config/guard-options.ts', 'RelayGuardSettings'],
    gives: [
      ['app.relayGuard', '`judge(request.raw)` tells verdict and client of a request'],
      ['request.relayVerdict', 'what was seen: `action` is `allow` or `flag`, `signals` the rules'],
      ['config: { relayGuard: false }', 'of a route: it is exempt'],
    ],
  },
  {
    path: 'guard',
    name: 'guard',
    what: 'The same before a server of `node:http`, `node:https` or `node:http2`, whatever serves there. The options are those of `relayGuard`.',
    example: `const { judge, replace, detach } = guard(app.server, ${hosts});`,
    options: ['plugins/guard.ts', 'Guard'],
    gives: [],
  },
  {
    path: 'forward',
    name: 'forward',
    what: 'A reverse proxy for what is below its prefix, or for what no other route takes. Works with a guard before it, and alone.',
    example: "app.register(forward, { prefix: '/shop', backend: 'http://127.0.0.1:8082' });",
    options: ['src/config/forward-options.ts', 'ForwardSettings'],
    gives: [['reply.forward(path, replyOptions)', 'with `routes: false`: sends the request on']],
  },
  {
    path: 'bans',
    name: 'bans',
    what: 'Turns away clients that were blocked too often. It and `relayGuard` find each other, whichever comes first.',
    example: "await app.register(bans, { after: 5, within: '10m' });",
    options: ['src/config/ban-options.ts', 'BansSettings'],
    gives: [['app.bans', '`isBanned(prefix)`, and `ledger` to make and take back bans']],
  },
  {
    path: 'rate-limit',
    name: 'rateLimit',
    what: 'A limit on requests of one client, behind `relayGuard`. What comes beyond gets 429 with Retry-After.',
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(rateLimit, { max: 1000, timeWindow: '1m' });`,
    options: ['src/config/rate-limit-options.ts', 'RateLimitSettings'],
    gives: [['app.rateLimits', 'the counts, as they stand']],
  },
  {
    path: 'metrics',
    name: 'metrics',
    what: 'Metrics for Prometheus on the listener of the app. Needs `relayGuard`, and the package prom-client.',
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(metrics, { token: process.env.METRICS_TOKEN });`,
    options: ['plugins/metrics.ts', 'MetricsSettings'],
    gives: [],
  },
  {
    path: 'alerts',
    name: 'alerts',
    what: 'One message when an attack begins, one when it ends, one of each ban. Needs `relayGuard`; webhooks the package undici, mail nodemailer.',
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(alerts, { webhook: 'https://hooks.example.net/services/a' });`,
    options: ['src/config/alert-options.ts', 'AlertsSettings'],
    gives: [],
  },
  {
    path: 'dashboard',
    name: 'dashboard',
    what: 'Dashboard and admin API on a listener of their own. Needs `relayGuard`, and the optional packages.',
    example: `await app.register(relayGuard, ${hosts});\nawait app.register(dashboard, { token: process.env.DASHBOARD_TOKEN, listen: '127.0.0.1:0' });`,
    options: ['src/config/dashboard-options.ts', 'DashboardSettings'],
    gives: [['app.relayDashboard.url', 'where it is, once the app is ready']],
  },
];

const intro = `# Plugins

What \`sekisho\` gives to other people's apps: [how to use it](../how-to/fastify.md). Each plugin has a path of its own, and \`sekisho\` has all of
them; each is typed, and comes as ES module and as CommonJS. Options with a fault are told all at once, by an error with code
\`SEKISHO_ERR_CONFIG\` and every fault in \`faults\`. Times are a number and \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`.
`;

/** The members of an interface, with what their doc comments say. */
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
      standard || (optional || option.includes('(') ? '' : 'must be given'),
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
