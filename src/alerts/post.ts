/** One HTTP POST to a service of the config: bounded in time, and to nobody else. */
import type { Agent } from 'undici';
import { Undeliverable } from './outbox.ts';

/** Milliseconds for the whole exchange. */
const timeout = 10_000;

export interface Poster {
  /**
   * @param who names the service in errors
   * @throws {Undeliverable} where the service has read the message and does not want it; any other error: try again
   */
  post(
    who: string,
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string | Buffer,
  ): Promise<void>;
  close(): void;
}

export function poster(): Poster {
  let agent: Agent | null = null;
  return {
    async post(who, url, headers, body) {
      // Loaded for the first message: most gateways never send one.
      const undici = await import('undici');
      agent ??= new undici.Agent({ connect: { timeout }, headersTimeout: timeout, bodyTimeout: timeout });
      // No redirect is followed: nothing but the configured service is dialled.
      const response = await undici.request(url, {
        method: 'POST',
        dispatcher: agent,
        headers: { 'user-agent': 'sekisho', ...headers },
        body,
      });
      await response.body.dump({ limit: 65_536 });
      const { statusCode } = response;
      if (statusCode >= 200 && statusCode < 300) return;
      const error = `${who} answered ${statusCode}`;
      if (statusCode >= 500 || statusCode === 408 || statusCode === 429) throw new Error(error);
      throw new Undeliverable(error);
    },
    close: () => void agent?.destroy(),
  };
}
