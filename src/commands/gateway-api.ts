/** The admin API of a running gateway, as commands ask it. */
import { request } from 'undici';
import { hostPort } from '../address/host-port.ts';
import { loadConfig } from '../config/load.ts';

/** How a command finds it. */
export interface Reach {
  /** Config file, whose admin listener and token are used; SEKISHO_TOKEN wins over the token. */
  readonly config?: string;
  /** URL of the admin API. @default `admin.listen` of the config, or http://127.0.0.1:9090 */
  readonly admin?: string;
}

export interface GatewayApi {
  /** @param onHeaders told of the header of the answer */
  ask(
    method: Method,
    path: string,
    body?: object,
    onHeaders?: (headers: Readonly<Record<string, unknown>>) => void,
  ): Promise<string>;
  json<T>(method: Method, path: string, body?: object): Promise<T>;
}
type Method = 'GET' | 'POST' | 'DELETE';

/** @throws Error where the gateway can't be reached, or says no, with what to do about it */
export function reach({ config: file, admin: url }: Reach): GatewayApi {
  const admin = file === undefined ? null : loadConfig(file).admin;
  if (admin === false && url === undefined)
    throw new Error(`${file} has no admin listener: add admin: { listen: 127.0.0.1:9090 }`);
  const base = (url ?? (admin ? origin(admin.listen) : 'http://127.0.0.1:9090')).replace(/\/$/, '');
  const token = process.env.SEKISHO_TOKEN ?? (admin ? admin.token : null) ?? undefined;
  if (token === undefined)
    throw new Error(
      'no token: set SEKISHO_TOKEN to the one that was printed at start, or configure admin.token',
    );

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
    if (answer.statusCode === 401) throw new Error(`${base} does not know this token`);
    if (answer.statusCode >= 400) throw new Error(said(content) ?? `${base} answered ${answer.statusCode}`);
    onHeaders?.(answer.headers);
    return content;
  };
  return { ask, json: async (...call) => JSON.parse(await ask(...call)) };
}

/** The address to reach a listener by: one that listens everywhere is reached on the loopback. */
function origin({ host, port }: { host: string; port: number }): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${hostPort(reached, port)}`;
}

function said(content: string): string | undefined {
  try {
    const { error } = JSON.parse(content) as { error?: unknown };
    return typeof error === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}
