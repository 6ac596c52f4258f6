/**
 * The config as JSON Schema: the only place where a default is written. Editors read it, the reference page is made from
 * its descriptions, and `load` validates by it. `fix` is an annotation: what to write instead, for the text of a fault.
 */

import type { Static, TSchema } from 'typebox';
import Type from 'typebox';
import { acmeFolder } from '../acme/schema.ts';
import { decoysSchema } from '../decoys/schema.ts';
import { presets } from '../rules/catalogue.ts';
import { smtpSchema } from '../smtp/schema.ts';
import { registeredMethods } from '../wire/methods.ts';
import { admin } from './admin-schema.ts';
import { limits, timeouts } from './bounds-schema.ts';
import { bans, fleet, rateLimit } from './client-schema.ts';
import { listener } from './listen-schema.ts';
import { log, workers } from './process-schema.ts';
import { methods, methodWords, presetWords, rules } from './rule-schema.ts';
import { account, cidrs, object, offOr, word } from './schema-parts.ts';
import { site } from './site-schema.ts';
import { alerts, geo, journal, otel } from './watch-schema.ts';

export const schema = object(
  {
    listen: Type.Array(listener, {
      minItems: 1,
      default: ['127.0.0.1:8080'],
      fix: 'list one address and port or more, such as [127.0.0.1:8080]',
      description: 'Where HTTP connections are accepted.',
    }),
    sites: Type.Array(site, {
      default: [],
      fix: 'list one site or more, with hosts and backend',
      description:
        'The hosts that are ours. A request for any other host is foreign and never forwarded to where it points. Optional ' +
        'with `smtp` or `decoys`: without sites nothing listens for HTTP, so leave out `listen` too.',
    }),
    trustedProxies: cidrs(
      'Peers whose X-Forwarded-For, -Proto and -Host are believed: the load balancers in front. Hazard: anyone who can connect ' +
        'from such an address can pass for any client, get others banned and evade bans.',
    ),
    policy: object(
      {
        preset: word(presets, { default: 'default', description: `The starting point: ${presetWords}` }),
        methods: methods({
          default: [registeredMethods],
          description: `The methods that pass; any other is refused as \`method-unknown\`. ${methodWords}`,
        }),
        rules: rules({ default: {} }),
      },
      { default: {}, description: 'What is done about each rule.' },
    ),
    via: Type.Boolean({
      default: false,
      fix: 'write true or false',
      description:
        'Send a Via line to backends and clients (RFC 9110 section 7.6.3). Hazard: scanners take Via in a response for the mark ' +
        'of a proxy and return.',
    }),
    timeouts,
    limits,
    bans: offOr(bans, {
      default: {},
      description: 'Bans for clients that keep probing; `false` turns them off.',
    }),
    rateLimit: offOr(rateLimit, {
      default: {},
      description: 'A limit on requests per client; `false` turns it off.',
    }),
    fleet: offOr(fleet, {
      default: false,
      description: 'Share bans, request counts and probe events with other gateways; `false`: standalone.',
    }),
    admin: offOr(admin, {
      default: false,
      description: 'Dashboard, metrics and admin API, on their own listener; `false`: none.',
    }),
    journal: offOr(journal, {
      default: false,
      description:
        'Keep probe events in a file; `false`: with `admin` the latest are kept in memory until the process ends.',
    }),
    alerts: offOr(alerts, {
      default: false,
      description:
        'Messages about probes, bans and trouble, by webhook, ntfy, Gotify, Telegram, PagerDuty, Alertmanager, mail and syslog; `false`: none.',
    }),
    otel: offOr(otel, {
      default: false,
      description:
        'OpenTelemetry: traces of requests, and events as logs; `false`: none. Credentials for the collector come from the environment: `OTEL_EXPORTER_OTLP_HEADERS`.',
    }),
    geo: offOr(geo, {
      default: false,
      description:
        'Country and network of clients, from databases on this machine, for the dashboard, the API, alerts, abuse reports and metrics; `false`: none. ' +
        'No outside service is asked.',
    }),
    decoys: decoysSchema,
    smtp: offOr(smtpSchema, {
      default: false,
      description:
        'The mail guard: a proxy in front of a mail server that judges every recipient by where the mail would really go. ' +
        '`false`: none.',
    }),
    acme: acmeFolder,
    workers,
    user: account(
      'User to switch to once every listener is bound, so that ports below 1024 need root at start only; `false`: the user that ' +
        'started it. Hazard: a reload reads the config and the TLS keys as this user.',
    ),
    group: account("Group to switch to with `user`; `false`: the user's own."),
    log,
  },
  {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'The config of sekisho',
    description: 'A checkpoint in front of web and mail servers that turns relay abuse away.',
  },
);

/** The config as written, with defaults filled in: its quantities and addresses are still text. */
export type ConfigDocument = Static<typeof schema>;

/** The schema as plain JSON. */
export const jsonSchema = (from: TSchema = schema): object => JSON.parse(JSON.stringify(from)) as object;
