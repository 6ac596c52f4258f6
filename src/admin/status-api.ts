/** The admin API about the gateway itself: rules, status, fleet, backends. Needs `sekisho-admin`. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Fleet } from '../fleet/fleet.ts';
import { catalogue, type Rule, ruleIds } from '../rules/catalogue.ts';
import type { Policy } from '../rules/policy.ts';
import { iso } from './shown-event.ts';
import { BackendsAnswer, FleetAnswer, RulesAnswer, StatusAnswer } from './status-types.ts';

/** As in the answer, without `fit`, which follows from the state. */
type Backend = Omit<BackendsAnswer['backends'][number], 'fit'>;

export interface StatusApiOptions {
  /** The current policy. */
  readonly policy: () => Policy;
  /** Plain data. */
  readonly status: () => object | Promise<object>;
  readonly backends: () => readonly Backend[] | Promise<readonly Backend[]>;
  /** Null: this gateway is not in a fleet. */
  readonly fleet: () => Pick<Fleet, 'health' | 'gateways'> | null;
}

async function statusApi(app: FastifyInstance, options: StatusApiOptions): Promise<void> {
  const rulesSchema = { summary: 'The rules and their actions', response: { 200: RulesAnswer } };
  app.get('/api/rules', { schema: rulesSchema }, async () => {
    const { rules } = options.policy();
    return {
      rules: ruleIds.map((id) => {
        const { title, seeks, reference, forwardable, bans } = catalogue[id] as Rule;
        return { id, title, seeks, reference, forwardable, bans, ...rules[id] };
      }),
    };
  });

  const statusSchema = { summary: 'Status of the checkpoint', response: { 200: StatusAnswer } };
  app.get('/api/status', { schema: statusSchema }, async () => options.status());

  const fleetSchema = { summary: 'The gateways of the fleet', response: { 200: FleetAnswer } };
  app.get('/api/fleet', { schema: fleetSchema }, async () => {
    const fleet = options.fleet();
    if (fleet === null) return { fleet: null, gateways: [] };
    // While the store is unreachable the other gateways are unknown.
    const gateways = await fleet.gateways().catch(() => []);
    return {
      fleet: { ...fleet.health, since: iso(fleet.health.since) },
      gateways: gateways.map(({ seen, ...gateway }) => ({ ...gateway, seen: iso(seen) })),
    };
  });

  const backendsSchema = { summary: 'The backends and their health', response: { 200: BackendsAnswer } };
  app.get('/api/backends', { schema: backendsSchema }, async () => ({
    backends: (await options.backends()).map((backend) => ({ ...backend, fit: backend.state !== 'ejected' })),
  }));
}

export const adminStatus = fp(statusApi, {
  name: 'sekisho-admin-status',
  fastify: '5.x',
  dependencies: ['sekisho-admin'],
});
