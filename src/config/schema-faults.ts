/** Validation against the schema, with its findings in words. */
import { isIPv6 } from 'node:net';
import { maskedPrefix, parsePrefix } from '../address/ip.ts';
import { catalogue, type RuleId } from '../rules/catalogue.ts';
import { mailPolicy } from '../smtp/domains.ts';
import { parseBackend } from './backend-url.ts';
import { isUnreadable, nearest, type PathPart, type Unreadable, unreadable } from './fault.ts';
import { parseHostEntry } from './host-entry.ts';
import { parseListenAddress } from './listen-address.ts';
import { parseDuration, parseSize } from './quantity.ts';
import { configSchema } from './schema-file.ts';
import { type SchemaError, SchemaReader } from './schema-reader.ts';
import { parseHttpService, parseSmarthost, parseSyslogTarget } from './service-url.ts';
import { parseValkeyUrl } from './valkey-url.ts';

/** A fault at a path, before its line in the file is known. */
export interface Finding extends Unreadable {
  readonly path: readonly PathPart[];
  /** The fault is in the key, not in its value. */
  readonly ofKey?: boolean;
}

const day = 86_400_000;

/** The schema's fix names the bounds, so this only says whether the text or its size is wrong. */
function quantity(value: number | null, noun: string, least: number, most: number): object | null {
  if (value === null) return unreadable(`is not a ${noun}`, '');
  return value < least || value > most ? unreadable('is out of bounds', '') : null;
}

/** The readers of single values: a text is valid if its reader accepts it. */
const readers: Record<string, (text: string) => object | null> = {
  'sekisho-timeout': (text) => quantity(parseDuration(text), 'time', 1, day),
  'sekisho-duration': (text) => quantity(parseDuration(text), 'time', 1, 3650 * day),
  'sekisho-header-size': (text) => quantity(parseSize(text), 'size', 1024, 1024 ** 2),
  'sekisho-journal-size': (text) => quantity(parseSize(text), 'size', 16 * 1024 ** 2, 1024 ** 4),
  'sekisho-http-service': parseHttpService,
  'sekisho-smarthost': parseSmarthost,
  'sekisho-syslog': parseSyslogTarget,
  'sekisho-size': (text) => quantity(parseSize(text), 'size', 1024, 1024 ** 4),
  'sekisho-mail-domain': mailDomain,
  'sekisho-cidr': (text) => parsePrefix(text) ?? badPrefix(text),
  'sekisho-listen': parseListenAddress,
  'sekisho-host': parseHostEntry,
  'sekisho-backend': parseBackend,
  'sekisho-valkey': parseValkeyUrl,
};

/** A domain or address literal that mail is accepted for, read as the guard will read it. */
function mailDomain(text: string): object {
  try {
    mailPolicy([text]);
    return {};
  } catch {
    return unreadable('is not a domain', '');
  }
}

function badPrefix(text: string): Unreadable {
  const meant = maskedPrefix(text);
  return meant === null
    ? unreadable(
        'is not a prefix',
        'write a prefix such as 192.0.2.0/24 or 2001:db8::/32, or a single address',
      )
    : unreadable('has bits set after its prefix', `write ${meant}, or the address alone`);
}

export const formats = Object.fromEntries(
  Object.entries(readers).map(([name, read]) => [
    name,
    (text: string): boolean => {
      const value = read(text);
      return value === null || !isUnreadable(value);
    },
  ]),
);
const reader = new SchemaReader(configSchema, formats);

/** Validates a document, fills in its defaults in place, and returns every fault that the schema finds. */
export function schemaFindings(document: unknown): Finding[] {
  const findings = new Map<string, Finding>();
  for (const error of relevant(reader.errors(document))) {
    const finding = describe(error);
    // One fault per place: what a pattern refuses, the format beside it mostly refuses too.
    const key = JSON.stringify(finding.path);
    if (!findings.has(key)) findings.set(key, finding);
  }
  return [...findings.values()];
}

/**
 * For a choice (`anyOf`) that failed, keeps the errors of the branch that was meant: the one with the type of the value, and among
 * several maps the one that knows most of its keys. If no branch has that type, the choice itself is the fault.
 */
function relevant(errors: readonly SchemaError[]): SchemaError[] {
  let kept = [...errors];
  for (const choice of errors.filter(({ keyword }) => keyword === 'anyOf')) {
    const inside = (error: SchemaError): boolean =>
      error.schemaPath.startsWith(`${choice.schemaPath}/`) &&
      error.instancePath.startsWith(choice.instancePath);
    const here = (error: SchemaError): boolean => inside(error) && error.instancePath === choice.instancePath;
    const branch = ({ schemaPath }: SchemaError): string =>
      schemaPath.slice(choice.schemaPath.length + 1).split('/', 1)[0]!;
    const wrongType = new Set(
      kept
        .filter((error) => here(error) && (error.keyword === 'type' || error.keyword === 'const'))
        .map(branch),
    );
    const typed = kept.filter((error) => inside(error) && !wrongType.has(branch(error)));
    const unknown = (one: string): number =>
      typed.filter(
        (error) => here(error) && error.keyword === 'additionalProperties' && branch(error) === one,
      ).length;
    // The sort is stable, so among equals the first branch wins.
    const [best] = [...new Set(typed.map(branch))].sort((a, b) => unknown(a) - unknown(b));
    const meant = typed.filter((error) => branch(error) === best);
    kept = kept.filter((error) =>
      meant.length === 0
        ? error === choice || !inside(error)
        : meant.includes(error) || (error !== choice && !inside(error)),
    );
  }
  // The message of a format is more specific than that of the pattern beside it.
  return kept.sort((a, b) => Number(b.keyword === 'format') - Number(a.keyword === 'format'));
}

const names = {
  object: 'a map',
  array: 'a list',
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
};

function describe(error: SchemaError): Finding {
  const path = pointer(error.instancePath);
  const { keyword, params, parentSchema, data } = error;
  const fix = parentSchema.fix ?? '';
  const said = (message: string, instead = ''): Finding => ({
    path,
    message,
    fix: fix || instead || 'see the description in the schema',
  });
  switch (keyword) {
    case 'additionalProperties':
      return unknownKey(path, String(params.additionalProperty), Object.keys(parentSchema.properties ?? {}));
    case 'required':
      return {
        path: [...path, params.missingProperty as string],
        message: 'is missing',
        fix: 'write it',
      };
    case 'type': {
      const types = [params.type].flat() as (keyof typeof names)[];
      const off = parentSchema.not !== undefined;
      const wanted = types.map((type) => (off && type === 'boolean' ? 'false' : names[type])).join(' or ');
      const meant = types.includes('string') ? unquoted(data) : null;
      if (meant !== null) return { path, message: `is ${kindOf(data)}, not ${wanted}`, fix: meant };
      const taken =
        types.includes('string') && typeof data === 'number' ? ': without quotes YAML takes it for one' : '';
      return said(`is ${kindOf(data)}, not ${wanted}${taken}`, `write ${wanted}`);
    }
    case 'format': {
      const value = readers[String(params.format)]!(String(data)) as Unreadable;
      return { path, message: value.message, fix: value.fix || fix };
    }
    case 'pattern':
      return said('is not written as it must be');
    case 'enum': {
      const allowed = (params.allowedValues as unknown[]).map(String);
      return (
        forbiddenAction(path, data) ??
        said('is not one of the allowed words', `write one of ${allowed.join(', ')}`)
      );
    }
    case 'minimum':
    case 'maximum':
      return said(
        isAnswer(path)
          ? 'would make a refused probe look like a success, or is no status'
          : 'is out of bounds',
      );
    case 'not':
      return said(
        isAnswer(path) ? 'would tell the sender that it found a proxy' : 'is not among the choices',
      );
    case 'minItems':
      return said('is an empty list');
    case 'minLength':
      return said(data === '' ? 'is empty' : 'is too short');
    case 'minProperties':
      return said('is an empty map');
    default:
      return said('is not among the choices');
  }
}

/** `hosts: [[2001:db8::1]]`: a list in a list, where the brackets belong to the address. */
const unquoted = (data: unknown): string | null =>
  Array.isArray(data) && data.length === 1 && isIPv6(String(data[0]))
    ? `write "[${data[0]}]", in quotes: [ begins a list in YAML`
    : null;

const isAnswer = (path: readonly PathPart[]): boolean => path.at(-1) === 'answer' && path.includes('rules');

function unknownKey(path: readonly PathPart[], key: string, known: readonly string[]): Finding {
  const isRule = path.at(-1) === 'rules';
  const near = nearest(key, known);
  return {
    path: [...path, key],
    message: isRule ? 'is not a rule' : 'is not known here',
    fix:
      near !== undefined
        ? `write ${near} if that is meant`
        : isRule
          ? 'see the list of rules'
          : `remove it, or write one of ${known.join(', ')}`,
    ofKey: true,
  };
}

/** `connect: allow` would turn the firewall into an open proxy. */
function forbiddenAction(path: readonly PathPart[], data: unknown): Finding | null {
  const id = path[path.lastIndexOf('rules') + 1] as RuleId;
  if (
    !path.includes('rules') ||
    !(id in catalogue) ||
    catalogue[id].forwardable ||
    (data !== 'allow' && data !== 'flag')
  )
    return null;
  const off = {
    'client-banned': 'bans: false turns bans off',
    'rate-limited': 'rateLimit: false turns the limit off',
  }[id as string];
  return {
    path,
    message:
      off === undefined
        ? `can't be set for ${id}: passing such a request on would be relaying for its sender`
        : `can't be set for ${id}, which always blocks`,
    fix:
      off === undefined ? 'write block, or remove the line; its answer can be chosen' : `write block; ${off}`,
  };
}

function pointer(instancePath: string): PathPart[] {
  return instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function kindOf(data: unknown): string {
  if (data === null || data === undefined) return 'empty';
  if (Array.isArray(data)) return 'a list';
  return (
    { object: 'a map', string: 'text', number: 'a number', boolean: 'true or false' }[
      typeof data as string
    ] ?? 'something else'
  );
}
