/**
 * Entries of the log by the names of the Elastic Common Schema (https://www.elastic.co/docs/reference/ecs), flat, as the libraries of
 * ECS logging write them. What has no name there stands under `sekisho.`, so that it can never clash with one.
 */
import { isIP } from 'node:net';
import { catalogue, type Rule, type RuleId } from '../rules/catalogue.ts';

/** The version whose names these are. */
const ecsVersion = '9.4.0';

type Entry = Readonly<Record<string, unknown>>;
type Fields = Record<string, unknown>;

/** @param line a JSON entry of the log, as pino writes it @returns the line by ECS, with its newline */
export function ecsLine(line: string): string {
  const { time, level, msg, err, event, ...entry } = JSON.parse(line) as Entry;
  const name = typeof event === 'string' ? event : 'log';
  const { used, fields } = readers[name]?.(entry) ?? { used: [], fields: {} };
  const rest = Object.entries(entry).filter(([key]) => !used.includes(key));
  return `${JSON.stringify({
    '@timestamp': time,
    'log.level': levels[Number(level)] ?? 'info',
    // What a log watcher bans by stands in front of all that a sender wrote.
    'event.dataset': `sekisho.${name}`,
    ...there({
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
  /** Keys of the entry that have a name in ECS. */
  readonly used: readonly string[];
  readonly fields: Fields;
}

/** By the name of the event. */
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
  const ofHttp = web && typeof answer === 'number';
  const used = ['action', 'why', 'bytes', 'rule', 'intent', 'client', 'clientPort', 'localAddress'];
  return {
    used: [...used, 'localPort', 'protocol', 'sni', ...(ofHttp ? ['answer'] : [])],
    fields: there({
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
      'http.response.status_code': ofHttp ? answer : undefined,
      'tls.client.server_name': sni,
    }),
  };
}

function accessFields({ client, method, path, protocol, status, bytes, ms, referer, agent }: Entry): Read {
  return {
    used: ['client', 'method', 'path', 'protocol', 'status', 'bytes', 'ms', 'referer', 'agent'],
    fields: there({
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
  there({
    'event.kind': kind,
    'event.category': category,
    'event.type': type,
    'event.action': action,
  });

/** `source.ip` takes addresses alone; a prefix, or `several clients`, would have the whole document refused. */
const sourceFields = (client: unknown): Fields => ({
  'source.address': client,
  ...(isIP(String(client)) === 0 ? {} : { 'source.ip': client }),
});

function errorFields(err: unknown): Fields {
  if (typeof err === 'string') return { 'error.message': err };
  if (typeof err !== 'object' || err === null) return {};
  const { type, message, stack } = err as { type?: unknown; message?: unknown; stack?: unknown };
  return there({ 'error.type': type, 'error.message': message, 'error.stack_trace': stack });
}

/** Without what is not known. */
const there = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
