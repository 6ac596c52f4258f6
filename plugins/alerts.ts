/** Alerts as a Fastify plugin: notifies operators of the probes that an app's guard sees, and of the bans that follow. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Logger } from 'pino';
import { type AlertsSettings, compileAlerts } from '../src/config/alert-options.ts';
import { EventFolder } from '../src/events/fold.ts';
import { noGuard } from '../src/events/probe-feed.ts';
import { withPackages } from '../src/optional-package.ts';

export type AlertsOptions = AlertsSettings;

/** Milliseconds over which events are folded, so that a flood takes no more room in the alert queue than one probe. */
const foldTime = 500;

async function alertsPlugin(app: FastifyInstance, options: AlertsOptions): Promise<void> {
  const config = compileAlerts(options);
  if (config.mail !== null) await withPackages('alerts by mail', () => import('nodemailer'));
  if (config.webhooks.length > 0) await withPackages('alerts by webhook', () => import('undici'));
  const { Alerts } = await import('../src/alerts/alerts.ts');
  const alerts = new Alerts(config, { log: app.log as unknown as Logger });
  const folder = new EventFolder();
  let timer: NodeJS.Timeout | null = null;
  const flush = (): void => {
    timer = null;
    alerts.add(folder.take());
  };
  app.addHook('onClose', async () => {
    if (timer !== null) {
      clearTimeout(timer);
      flush();
    }
    await alerts.close();
  });
  app.addHook('onReady', async () => {
    const watch = app.hasDecorator('relayGuard') ? app.relayWatch : null;
    if (watch === null) throw noGuard('alerts');
    watch.feed.listen((event) => {
      folder.add(event);
      timer ??= setTimeout(flush, foldTime);
    });
    if (!app.hasDecorator('bans')) return;
    app.bans.ledger.onChange((change, origin) => {
      if (change.kind === 'added' && origin !== 'journal') alerts.ban(change.ban);
    });
  });
}

/**
 * Needs `relayGuard`, registered before or after it. If the app has `bans` too, new bans are reported.
 *
 * @throws {ConfigError} naming every fault of the options
 */
export const alerts = fp(alertsPlugin, { name: 'sekisho-alerts', fastify: '5.x' });
