/**
 * What STIX 2.1 (https://docs.oasis-open.org/cti/stix/v2.1/) asks of the objects we write: a schema of each type, and what no schema can say.
 * Written from the specification for these tests.
 */
import { createHash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

export type StixObject = Record<string, unknown> & { type: string; id: string };
export type StixBundle = StixObject & { objects: StixObject[] };

const text = { type: 'string', minLength: 1 };
const moment = { type: 'string', format: 'date-time' };
/** Precise to the millisecond (section 3.2). */
const version = { type: 'string', format: 'date-time', pattern: '\\.\\d{3}Z$' };
const port = { type: 'integer', minimum: 0, maximum: 65_535 };
const uuid = (digit: string): string =>
  `[0-9a-f]{8}-[0-9a-f]{4}-${digit}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`;
/** Random, for objects that one producer makes (section 2.9). */
const random = (types: string) => ({ type: 'string', pattern: `^(?:${types})--${uuid('4')}` });
/** From the content, for observables, which every producer may see (section 2.9). */
const derived = (types: string) => ({ type: 'string', pattern: `^(?:${types})--${uuid('5')}` });

const closed = (required: readonly string[], properties: Record<string, object>) => ({
  type: 'object',
  required,
  properties,
  // The specification allows more properties; we write only these, and none that is deprecated.
  additionalProperties: false,
});

/** Domain and relationship objects (section 3.2). */
const made = (type: string, required: readonly string[], properties: Record<string, object>) =>
  closed(['type', 'spec_version', 'id', 'created', 'modified', ...required], {
    ...{ type: { const: type }, spec_version: { const: '2.1' }, id: random(type) },
    ...{ created: version, modified: version, created_by_ref: random('identity') },
    ...properties,
  });

/** Observables (section 3.3) have no creator and no version. */
const seen = (type: string, required: readonly string[], properties: Record<string, object>) =>
  closed(['type', 'id', ...required], {
    ...{ type: { const: type }, spec_version: { const: '2.1' }, id: derived(type) },
    ...properties,
  });

const address = derived('ipv4-addr|ipv6-addr');
const schemas: Readonly<Record<string, object>> = {
  bundle: closed(['type', 'id', 'objects'], {
    ...{ type: { const: 'bundle' }, id: random('bundle') },
    objects: { type: 'array', minItems: 1, items: { type: 'object', required: ['type', 'id'] } },
  }),
  // Section 4.5.
  identity: made('identity', ['name'], {
    name: text,
    identity_class: { enum: ['individual', 'group', 'system', 'organization', 'class', 'unknown'] },
  }),
  // Section 4.7; name and description should be there.
  indicator: made('indicator', ['name', 'description', 'pattern', 'pattern_type', 'valid_from'], {
    ...{ name: text, description: text, pattern: text, valid_from: moment, valid_until: moment },
    ...{ pattern_type: { const: 'stix' }, pattern_version: { const: '2.1' } },
    indicator_types: {
      type: 'array',
      minItems: 1,
      items: {
        enum: [
          ...['anomalous-activity', 'anonymization', 'benign', 'compromised', 'malicious-activity'],
          ...['attribution', 'unknown'],
        ],
      },
    },
  }),
  // Section 4.14.
  'observed-data': made(
    'observed-data',
    ['first_observed', 'last_observed', 'number_observed', 'object_refs'],
    {
      ...{ first_observed: moment, last_observed: moment },
      number_observed: { type: 'integer', minimum: 1, maximum: 999_999_999 },
      object_refs: {
        type: 'array',
        minItems: 1,
        uniqueItems: true,
        items: derived('ipv4-addr|ipv6-addr|network-traffic'),
      },
    },
  ),
  // Section 5.1; of the relationships of an indicator (section 4.7.2) the one to what it was derived from.
  relationship: made('relationship', ['relationship_type', 'source_ref', 'target_ref'], {
    relationship_type: { const: 'based-on' },
    source_ref: random('indicator'),
    target_ref: random('observed-data'),
  }),
  // Sections 6.8 and 6.9.
  'ipv4-addr': seen('ipv4-addr', ['value'], { value: { type: 'string', format: 'ipv4' } }),
  'ipv6-addr': seen('ipv6-addr', ['value'], { value: { type: 'string', format: 'ipv6' } }),
  // Section 6.12: at least one end; service names of IANA (RFC 6335 section 5.1), lower case.
  'network-traffic': {
    ...seen('network-traffic', ['protocols'], {
      ...{ start: moment, end: moment, src_ref: address, dst_ref: address, src_port: port, dst_port: port },
      protocols: { type: 'array', minItems: 1, items: { type: 'string', pattern: '^[a-z0-9-]{1,15}$' } },
    }),
    anyOf: [{ required: ['src_ref'] }, { required: ['dst_ref'] }],
  },
};

const ajv = new Ajv2020({
  formats: {
    'date-time': (value: string) =>
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(value) && !Number.isNaN(Date.parse(value)),
    ipv4: isIPv4,
    ipv6: isIPv6,
  },
  allErrors: true,
  strictTypes: false,
  strictRequired: false,
});
const validators = new Map<string, ValidateFunction>(
  Object.entries(schemas).map(([type, schema]) => [type, ajv.compile(schema)]),
);

/** What identifies an observable: its ID contributing properties (sections 6.8, 6.9, 6.12). */
export const contributing: Readonly<Record<string, readonly string[]>> = {
  'ipv4-addr': ['value'],
  'ipv6-addr': ['value'],
  'network-traffic': ['dst_port', 'dst_ref', 'end', 'protocols', 'src_port', 'src_ref', 'start'],
};

/** UUID version 5 (RFC 9562 section 5.5) over the canonical JSON of the contributing properties, which are listed in its order (section 2.9). */
export function derivedId(object: StixObject): string {
  const present = contributing[object.type]!.filter((name) => object[name] !== undefined);
  const name = `{${present.map((key) => `"${key}":${JSON.stringify(object[key])}`).join()}}`;
  const bytes = createHash('sha1')
    .update(Buffer.from('00abedb4-aa42-466c-9c01-fed23315a9b7'.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  const hex = bytes.toString('hex');
  const variant = ((bytes[8]! & 0x3f) | 0x80).toString(16);
  return `${object.type}--${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`;
}

/**
 * The part of the pattern grammar (section 9) that we write: one observation expression with one comparison of an address with a string
 * literal, in which a quote and a backslash are escaped.
 */
const pattern = /^\[(ipv4-addr|ipv6-addr):value = '((?:[^'\\]|\\['\\])*)'\]$/;

/** Pairs of properties in order of time; strict: may not be the same. */
const ordered: Readonly<Record<string, readonly [earlier: string, later: string, strict: boolean]>> = {
  'observed-data': ['first_observed', 'last_observed', false],
  indicator: ['valid_from', 'valid_until', true],
  'network-traffic': ['start', 'end', false],
};

function* faults(bundle: StixBundle): Generator<string> {
  const known = new Map(bundle.objects.map((object) => [object.id, object]));
  if (known.size < bundle.objects.length) yield 'an id stands twice';
  for (const object of [bundle, ...bundle.objects]) {
    const { type, id } = object;
    const validate = validators.get(type);
    if (validate === undefined) yield `${type} is a type that we do not write`;
    else if (!validate(object)) yield `${type}: ${ajv.errorsText(validate.errors)}`;
    const [earlier, later, strict] = ordered[type] ?? ['created', 'modified', false];
    for (const [one, other, differs] of [
      [earlier, later, strict],
      ['created', 'modified', false],
    ] as const) {
      const [from, to] = [Date.parse(String(object[one])), Date.parse(String(object[other]))];
      if (from > to || (differs && from === to)) yield `${type}: ${other} is before ${one}`;
    }
    if (type in contributing && derivedId(object) !== id)
      yield `${type}: the id is not that of its content, ${derivedId(object)}`;
    if (type === 'indicator') {
      const [, kind, value = ''] = pattern.exec(String(object.pattern)) ?? [];
      if (!(kind === 'ipv4-addr' ? isIPv4(value) : kind === 'ipv6-addr' && isIPv6(value)))
        yield `indicator: not a pattern of an address: ${object.pattern}`;
    }
    for (const [key, value] of Object.entries(object)) {
      if (!/_refs?$/.test(key)) continue;
      for (const ref of [value].flat()) if (!known.has(String(ref))) yield `${type}: ${key} leads nowhere`;
    }
  }
}

/** Violations of the specification in a bundle. */
export const stixFaults = (bundle: object): string => [...faults(bundle as StixBundle)].join('\n');
