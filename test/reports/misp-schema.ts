/**
 * What the MISP core format (https://www.misp-standard.org/rfc/misp-standard-core.html) asks of an event for import, and what no schema
 * can say. Written from the specification for these tests. It also asks for numbers of the event and of its organisations, which are
 * those of an instance: MISP's own schema does not ask for them.
 */
import { isIP } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';

export type MispAttribute = Record<string, unknown>;
export type MispEvent = { Event: Record<string, unknown> & { Attribute: MispAttribute[] } };

const uuid = {
  type: 'string',
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$',
};
/** Seconds since 1970, as a string. */
const seconds = { type: 'string', pattern: '^(?:0|[1-9]\\d{0,9})$' };
const level = (...values: number[]) => ({ enum: values.map(String) });
/** 4 would be a sharing group, whose number would stand here. */
const noGroup = { const: '0' };
const moment = { type: 'string', format: 'date-time' };

/** The categories that an address of a sender may have; also in MISP's describeTypes.json. */
const categories = ['Network activity', 'Payload delivery', 'External analysis'];

const attribute = {
  type: 'object',
  required: [
    ...['uuid', 'type', 'category', 'to_ids', 'distribution', 'timestamp', 'sharing_group_id', 'deleted'],
    'value',
  ],
  properties: {
    uuid,
    type: { const: 'ip-src' },
    category: { enum: categories },
    value: { type: 'string', format: 'ip' },
    to_ids: { type: 'boolean' },
    distribution: level(0, 1, 2, 3, 5),
    ...{ sharing_group_id: noGroup, deleted: { const: false }, timestamp: seconds },
    ...{ first_seen: moment, last_seen: moment, comment: { type: 'string', pattern: '^[^\\r\\n]*$' } },
  },
  additionalProperties: false,
};

const event = {
  type: 'object',
  required: [
    ...['uuid', 'published', 'info', 'threat_level_id', 'analysis', 'date', 'timestamp'],
    ...['publish_timestamp', 'attribute_count', 'distribution', 'sharing_group_id', 'Attribute'],
  ],
  properties: {
    uuid,
    published: { const: false },
    // Never published.
    publish_timestamp: { const: '0' },
    info: { type: 'string', minLength: 1, maxLength: 256, pattern: '^[^\\r\\n]*$' },
    threat_level_id: level(1, 2, 3, 4),
    analysis: level(0, 1, 2),
    date: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\d$' },
    timestamp: seconds,
    ...{ attribute_count: seconds, distribution: level(0, 1, 2, 3), sharing_group_id: noGroup },
    Attribute: { type: 'array', items: attribute, uniqueItems: true },
    Tag: {
      type: 'array',
      uniqueItems: true,
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string', minLength: 1 } },
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
};

const ajv = new Ajv2020({
  formats: {
    'date-time': (value: string) =>
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z$/.test(value) && !Number.isNaN(Date.parse(value)),
    ip: (value: string) => isIP(value) !== 0,
  },
  allErrors: true,
});
const validate = ajv.compile({
  type: 'object',
  required: ['Event'],
  properties: { Event: event },
  additionalProperties: false,
});

function* faults(report: object): Generator<string> {
  if (!validate(report)) {
    yield ajv.errorsText(validate.errors);
    return;
  }
  const { Event } = report as MispEvent;
  const { Attribute: attributes } = Event;
  if (Event.attribute_count !== String(attributes.length))
    yield 'attribute_count is not the number of attributes';
  const ids = [Event.uuid, ...attributes.map(({ uuid: own }) => own)];
  if (new Set(ids).size < ids.length) yield 'a uuid stands twice';
  // MISP rejects the second of two attributes of the same category, type and value.
  const values = attributes.map(({ category, type, value }) => `${category}|${type}|${value}`);
  if (new Set(values).size < values.length) yield 'an attribute stands twice';
  for (const { first_seen: first, last_seen: last } of attributes)
    if (Date.parse(String(first)) > Date.parse(String(last))) yield 'last_seen is before first_seen';
}

/** Violations of the format in an event. */
export const mispFaults = (report: object): string => [...faults(report)].join('\n');
