/**
 * Log entries with the field names of the Elastic Common Schema (https://www.elastic.co/docs/reference/ecs), flat, as the ECS logging
 * libraries write them. Fields without an ECS name are prefixed `sekisho.`, so that they never clash with one.
 */
import { isIP } from 'node:net';
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';

/** The ECS version followed. */
const ecsVersion = '9.4.0';

type Entry = Readonly<Record<string, unknown>>;
type Fields = Record<string, unknown>;

/** @param line a JSON entry of the log, as pino writes it @returns the ECS line, with its newline */
export function ecsLine(line: string): string {
  const { time, level, msg, err, event, ...entry } = JSON.parse(line) as Entry;
  const name = typeof event === 'string' ? event : 'log';
  const { used, fields } = readers[name]?.(entry) ?? { used: [], fields: {} };
  const rest = Object.entries(entry).filter(([key]) => !used.includes(key));
  return `${JSON.stringify({
    '@timestamp': time,
    'log.level': levels[Number(level)] ?? 'info',
    // Log watchers ban by these fields: they come before anything a sender wrote, which could imitate them.
    'event.dataset': `sekisho.${name}`,
    ...withoutNulls({
      'event.action': fields['event.action'],
      'source.ip': fields['source.ip'],
      'sekisho.counts': entry.counts,
    }),
    message: msg,
    'ecs.version': ecsVersion,
    'service.name': 'sekisho',
    'event.module': 'sekisho',
    ...fields,
    ...errorFields(err),
    ...Object.fromEntries(rest.map(([key, value]) => [`sekisho.${key}`, value])),
  })}\n`;
}

const levels: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};

interface Read {
  /** Keys of the entry that have an ECS name. */
  readonly used: readonly string[];
  readonly fields: Fields;
}

/** By event name. */
const readers: Readonly<Record<string, (entry: Entry) => Read>> = {
  probe: probeFields,
  banned: probeFields,
  probes: probeFields,
  'banned-more': probeFields,
  access: accessFields,
  mail: ({ client, from, to, account }) => ({
    used: ['client', 'from', 'to', ...(account === null ? [] : ['account'])],
    fields: {
      ...kindOf('event', ['email'], ['info']),
      ...sourceFields(client),
      'email.from.address': [from],
      'email.to.address': to,
      ...(account === null ? {} : { 'user.name': account }),
    },
  }),
  ban: ({ prefix }) => ({
    used: ['prefix'],
    fields: {
      ...kindOf('event', ['intrusion_detection'], ['info'], 'banned'),
      ...sourceFields(String(prefix).replace(/\/(?:32|128)$/, '')),
    },
  }),
  reload: () => ({ used: [], fields: kindOf('event', ['configuration'], ['change']) }),
};

function probeFields(entry: Entry): Read {
  const { action, why, bytes, rule, intent, client, clientPort, localAddress, localPort } = entry;
  const { protocol, sni, answer } = entry;
  const web = protocol === 'http/1.1' || protocol === 'h2';
  const hasStatus = web && typeof answer === 'number';
  const used = ['action', 'why', 'bytes', 'rule', 'intent', 'client', 'clientPort', 'localAddress'];
  return {
    used: [...used, 'localPort', 'protocol', 'sni', ...(hasStatus ? ['answer'] : [])],
    fields: withoutNulls({
      ...kindOf(
        'alert',
        ['intrusion_detection', 'network'],
        [action === 'block' ? 'denied' : 'allowed'],
        action === 'block' ? 'blocked' : 'flagged',
      ),
      'event.reason': why,
      'event.original': bytes,
      'rule.id': rule,
      'rule.name': (catalogue[rule as RuleId] as Rule | undefined)?.title,
      'rule.category': intent,
      ...sourceFields(client),
      'source.port': clientPort,
      'destination.ip': localAddress,
      'destination.address': localAddress,
      'destination.port': localPort,
      'network.transport': 'tcp',
      'network.protocol': web ? 'http' : protocol,
      'http.version': web ? (protocol === 'h2' ? '2' : '1.1') : undefined,
      'http.response.status_code': hasStatus ? answer : undefined,
      'tls.client.server_name': sni,
    }),
  };
}

function accessFields({ client, method, path, protocol, status, bytes, ms, referer, agent }: Entry): Read {
  return {
    used: ['client', 'method', 'path', 'protocol', 'status', 'bytes', 'ms', 'referer', 'agent'],
    fields: withoutNulls({
      ...kindOf('event', ['web'], ['access']),
      'event.outcome': Number(status) < 500 ? 'success' : 'failure',
      'event.duration': Number(ms) * 1e6,
      ...sourceFields(client),
      'http.request.method': method,
      'http.request.referrer': referer,
      'http.response.status_code': status,
      'http.response.body.bytes': bytes,
      'http.version': String(protocol).replace('HTTP/', ''),
      'url.original': path,
      'user_agent.original': agent,
    }),
  };
}

const kindOf = (kind: string, category: string[], type: string[], action?: string): Fields =>
  withoutNulls({
    'event.kind': kind,
    'event.category': category,
    'event.type': type,
    'event.action': action,
  });

/** Elasticsearch rejects the whole document if `source.ip` holds anything but an address, such as a prefix or `several clients`. */
const sourceFields = (client: unknown): Fields => ({
  'source.address': client,
  ...(isIP(String(client)) === 0 ? {} : { 'source.ip': client }),
});

function errorFields(err: unknown): Fields {
  if (typeof err === 'string') return { 'error.message': err };
  if (typeof err !== 'object' || err === null) return {};
  const { type, message, stack } = err as { type?: unknown; message?: unknown; stack?: unknown };
  return withoutNulls({ 'error.type': type, 'error.message': message, 'error.stack_trace': stack });
}

const withoutNulls = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
