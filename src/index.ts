/** The public exports of the package. */
export { type AlertsOptions, alerts } from '../plugins/alerts.ts';
export { type BansOptions, bans } from '../plugins/bans.ts';
export { type ForwardOptions, forward } from '../plugins/forward.ts';
export { type Guard, type GuardOptions, guard } from '../plugins/guard.ts';
export { type MetricsOptions, metrics } from '../plugins/metrics.ts';
export { type RateLimitOptions, rateLimit } from '../plugins/rate-limit.ts';
export { type RelayGuardOptions, relayGuard } from '../plugins/relay-guard.ts';
export { ConfigError, type Fault } from './config/fault.ts';
export { type DashboardOptions, dashboard } from './dashboard-plugin.ts';
export type { ProbeEvent } from './events/event.ts';
export type { Judged } from './guard/checkpoint.ts';
export type { ServerCheckpoint as Checkpoint } from './guard/server-checkpoint.ts';
export type { Signal, Verdict } from './judge.ts';
export type { Action, Answer, Preset, RuleId } from './rules/catalogue.ts';
export type { Intent } from './rules/intent.ts';
