/**
 * The dashboard for your own Fastify app, on a separate listener as in the gateway: the app's listener is public, and a page of the
 * app could use the session of a same-origin dashboard.
 */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Logger } from 'pino';
import { compileDashboard, type DashboardSettings } from './config/dashboard-options.ts';
import { noGuard } from './events/probe-feed.ts';
import { withPackages } from './optional-package.ts';
import type { ControlPlane } from './program/control-plane.ts';

export type DashboardOptions = DashboardSettings;

declare module 'fastify' {
  interface FastifyInstance {
    /** URL of the dashboard, `http://127.0.0.1:9090`; empty until the app is ready. */
    readonly relayDashboard: { readonly url: string };
  }
}

async function dashboardPlugin(app: FastifyInstance, options: DashboardOptions): Promise<void> {
  const config = compileDashboard(options);
  let control: ControlPlane | null = null;
  app.decorate('relayDashboard', {
    get url() {
      return control?.listeners[0]?.replace('admin ', '') ?? '';
    },
  });
  app.addHook('onClose', async () => control?.close());
  app.addHook('onReady', async () => {
    const watch = app.hasDecorator('relayGuard') ? app.relayWatch : null;
    if (watch === null) throw noGuard('dashboard');
    const { feed, policy, config: guard } = watch;
    const bans = app.hasDecorator('bans') ? app.bans : null;
    const log = app.log as unknown as Logger;
    // The sites are those of the guard.
    const whole = { ...guard, admin: config.admin, journal: config.journal };
    const counters = () => [feed.counters.snapshot()];
    control = await withPackages('the dashboard', async () => {
      const { startControlPlane } = await import('./program/control-plane.ts');
      return startControlPlane(whole, { log, bans, policy, counters });
    });
    const { onEvent, onBan, setReady } = control;
    feed.listen(onEvent);
    bans?.ledger.onChange((change, origin) => {
      if (change.kind !== 'lists' && origin !== 'journal') onBan(change.kind, change.ban);
    });
    setReady(true);
  });
}

/**
 * Dashboard, admin API and metrics behind a token. Needs `relayGuard`, registered before or after it; if the app has `bans` too, bans
 * can be added and removed there.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const dashboard = fp(dashboardPlugin, { name: 'sekisho-dashboard-listener', fastify: '5.x' });
