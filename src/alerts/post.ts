/** An HTTP POST to a configured service: bounded in time, follows no redirect. */
import type { Agent } from 'undici';
import { Undeliverable } from './channel.ts';

/** Milliseconds for the whole exchange. */
const timeout = 10_000;

export interface Poster {
  /**
   * @param who name of the service in errors
   * @throws {Undeliverable} if the service rejected the message; any other error: retry
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
      // Loaded with the first message: most gateways never send one.
      const undici = await import('undici');
      agent ??= new undici.Agent({ connect: { timeout }, headersTimeout: timeout, bodyTimeout: timeout });
      // Redirects are not followed: a redirect could point the gateway at any address (SSRF).
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
