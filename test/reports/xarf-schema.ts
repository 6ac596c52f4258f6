/**
 * Schema of an X-ARF 4 report of category connection, type reconnaissance or login_attack (which requires less): required fields and
 * their types, after https://xarf.org/schemas/v4/. Written from the specification for these tests.
 */
import { isIP } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';

const text = { type: 'string' };
const port = { type: 'integer', minimum: 1, maximum: 65_535 };
const moment = { type: 'string', format: 'date-time' };

const party = {
  type: 'object',
  required: ['org', 'contact', 'domain'],
  properties: {
    org: { type: 'string', maxLength: 200, minLength: 1 },
    contact: { type: 'string', format: 'email' },
    domain: { type: 'string', format: 'hostname' },
  },
  additionalProperties: false,
};

const evidence = {
  type: 'object',
  required: ['content_type', 'payload'],
  properties: {
    content_type: text,
    description: { type: 'string', maxLength: 500 },
    payload: { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$' },
    hash: { type: 'string', pattern: '^(md5|sha1|sha256|sha512):[a-fA-F0-9]+$' },
    size: { type: 'integer', minimum: 0, maximum: 5_242_880 },
  },
  additionalProperties: false,
};

const schema = {
  type: 'object',
  required: [
    ...[
      'xarf_version',
      'report_id',
      'timestamp',
      'reporter',
      'sender',
      'source_identifier',
      'category',
      'type',
    ],
    ...['protocol', 'probed_resources', 'first_seen'],
  ],
  properties: {
    xarf_version: { type: 'string', pattern: '^4\\.[0-9]+\\.[0-9]+$' },
    report_id: { type: 'string', format: 'uuid' },
    timestamp: moment,
    reporter: party,
    sender: party,
    source_identifier: text,
    source_port: port,
    category: { const: 'connection' },
    type: { enum: ['reconnaissance', 'login_attack'] },
    evidence_source: { enum: ['honeypot', 'firewall_logs'] },
    evidence: { type: 'array', items: evidence, maxItems: 50 },
    tags: {
      type: 'array',
      items: { type: 'string', pattern: '^[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+\\-.]*$' },
      maxItems: 20,
    },
    description: { type: 'string', maxLength: 1000 },
    destination_ip: { type: 'string', format: 'ip' },
    destination_port: port,
    protocol: { enum: ['tcp', 'udp'] },
    probed_resources: { type: 'array', items: text },
    response_codes: { type: 'array', items: { type: 'integer' } },
    first_seen: moment,
    last_seen: moment,
    total_probes: { type: 'integer', minimum: 1 },
  },
  // The specification allows more fields; we write only these.
  additionalProperties: false,
};

const ajv = new Ajv2020({
  formats: {
    'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
    uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    email: /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+$/,
    hostname:
      /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/,
    ip: (value: string) => isIP(value) !== 0,
  },
});
const validate = ajv.compile(schema);

/** Violations of the schema in a report. */
export const faultsOf = (report: object): string => (validate(report) ? '' : ajv.errorsText(validate.errors));
