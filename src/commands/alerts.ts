import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { channels } from '../alerts/alerts.ts';
import type { AlertMessage } from '../alerts/message.ts';
import { loadConfig } from '../config/load.ts';
import { refusedHere } from '../listener/refused-dial.ts';
import { alertWords } from '../words/alerts.ts';
import { inputError } from './input-error.ts';
import type { AlertsTestOptions, Command } from './options.ts';

/** `sekisho alerts test`: sends one message to every receiver, without retries, and prints each answer. */
export const run: Command<AlertsTestOptions> = async ({ config: file }) => {
  const { alerts } = loadConfig(file);
  if (alerts === false) {
    inputError('alerts test', `${file} has no alerts`, 'add alerts: { webhook: URL } or another receiver');
    return 1;
  }
  const from = alerts.name === '' ? hostname() : alerts.name;
  const words = alertWords[alerts.language];
  const now = Date.now();
  const message: AlertMessage = {
    id: randomUUID(),
    kind: 'test',
    level: 'notice',
    time: now,
    from,
    title: `${from}: ${words.titles.test}`,
    lines: [words.lines.test],
    signed: words.signed(new Date(now).toISOString(), from),
    link: alerts.adminUrl === null ? null : `${alerts.adminUrl}/#/now`,
    facts: {},
  };
  const answers = await Promise.all(
    channels(alerts).map(async (channel) => {
      try {
        await channel.send(message);
        const outcome = channel.name.startsWith('syslog udp') ? 'sent; UDP gives no answer' : 'accepted it';
        process.stdout.write(`${channel.name}: ${outcome}\n`);
        return true;
      } catch (error) {
        process.stdout.write(
          `${channel.name}: failed: ${(error as Error).message}${refusedHere(error as Error)}\n`,
        );
        return false;
      } finally {
        channel.close();
      }
    }),
  );
  return answers.every(Boolean) ? 0 : 1;
};
