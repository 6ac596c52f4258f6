/** Client of the admin API of a running gateway, for commands. */
import { request } from 'undici';
import { hostPort } from '../address/host-port.ts';
import { loadConfig } from '../config/load.ts';
import { dialledHost } from './dialled-host.ts';

/** How a command finds the admin API. */
export interface Reach {
  /** Config file with the admin listener and token to use; SEKISHO_TOKEN overrides the token. */
  readonly config?: string;
  /** URL of the admin API. @default `admin.listen` of the config, or http://127.0.0.1:9090 */
  readonly admin?: string;
}

export interface GatewayApi {
  /** @param onHeaders called with the headers of the answer */
  ask(
    method: Method,
    path: string,
    body?: object,
    onHeaders?: (headers: Readonly<Record<string, unknown>>) => void,
  ): Promise<string>;
  json<T>(method: Method, path: string, body?: object): Promise<T>;
}
type Method = 'GET' | 'POST' | 'DELETE';

/** @throws Error if the gateway can't be reached or refuses; the message says what to do */
export function reach({ config: file, admin: url }: Reach): GatewayApi {
  const admin = file === undefined ? null : loadConfig(file).admin;
  if (admin === false && url === undefined)
    throw new Error(`${file} has no admin listener: add admin: { listen: 127.0.0.1:9090 }`);
  const base = (url ?? (admin ? origin(admin.listen) : 'http://127.0.0.1:9090')).replace(/\/$/, '');
  const token = process.env.SEKISHO_TOKEN ?? (admin ? admin.token : null) ?? undefined;
  if (token === undefined)
    throw new Error('no token: set SEKISHO_TOKEN to the token printed at start, or configure admin.token');

  const ask: GatewayApi['ask'] = async (method, path, body, onHeaders) => {
    const answer = await request(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headersTimeout: 10_000,
      bodyTimeout: 30_000,
    }).catch((error: Error) => {
      throw new Error(
        `no answer from ${base}: ${error.message}. Is the gateway running, with an admin listener?`,
      );
    });
    const content = await answer.body.text();
    if (answer.statusCode === 401) throw new Error(`${base} rejects this token`);
    if (answer.statusCode >= 400)
      throw new Error(errorIn(content) ?? `${base} answered ${answer.statusCode}`);
    onHeaders?.(answer.headers);
    return content;
  };
  return { ask, json: async (...call) => JSON.parse(await ask(...call)) };
}

const origin = ({ host, port }: { host: string; port: number }): string =>
  `http://${hostPort(dialledHost(host), port)}`;

/** The message in an error answer: `{ "error": "…" }`. */
function errorIn(content: string): string | undefined {
  try {
    const { error } = JSON.parse(content) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
