/** The client of the admin API. */
import type { ApiEvent, ApiEventInFull, SummaryAnswer } from '../admin/api-types.ts';
import type { ClientAnswer, NameAnswer } from '../admin/client-types.ts';
import type { OriginsAnswer } from '../admin/origins-types.ts';
import type {
  BackendsAnswer,
  Ban,
  BansAnswer,
  FleetAnswer,
  StatusAnswer as Status,
} from '../admin/status-types.ts';
import { t } from './language.ts';

export type { ApiEvent, ApiEventInFull, BansAnswer, ClientAnswer, OriginsAnswer, Status, SummaryAnswer };

export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly seeks: string;
  readonly reference: string;
  readonly action: string;
}

/** An event of the live feed; without an id while it is not in the journal. */
export type LiveEvent = Omit<ApiEvent, 'id'> & { readonly id: number | null };

let csrf: string | null = null;

/** @throws Error with the message of the server */
async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(path, { ...init, credentials: 'same-origin' }).catch((problem: Error) => {
    // The browser's own message, such as "Failed to fetch", helps nobody.
    throw problem.name === 'AbortError' ? problem : new Error(t.states.noAnswer);
  });
  if (response.status === 401) {
    // The session has ended: after a reload the server sends the login page.
    location.reload();
    return new Promise(() => {});
  }
  const json = response.headers.get('content-type')?.includes('json') === true;
  if (!response.ok) {
    const said = json ? ((await response.json()) as { error?: string }).error : undefined;
    throw new Error(said ?? t.states.status(response.status));
  }
  return (json ? response.json() : response.text()) as Promise<T>;
}

async function change<T>(method: string, path: string, body?: object): Promise<T> {
  csrf ??= (await ask<{ csrf: string | null }>('/api/session')).csrf;
  return ask<T>(path, {
    method,
    headers: {
      'X-Sekisho-CSRF': csrf ?? '',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

export type Query = Readonly<Record<string, string | number | undefined>>;

/** `?a=b`, without empty values. */
export function queryText(query: Query): string {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(entries.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

type Abortable = { readonly signal: AbortSignal };

export const api = {
  summary: (from: number, init: Abortable) => ask<SummaryAnswer>(`/api/summary${queryText({ from })}`, init),
  origins: (from: number, init: Abortable) => ask<OriginsAnswer>(`/api/origins${queryText({ from })}`, init),
  events: (query: Query, init: Abortable) =>
    ask<{ events: ApiEvent[]; next: string | null; cut: boolean }>(`/api/events${queryText(query)}`, init),
  event: (id: string, init: Abortable) => ask<ApiEventInFull>(`/api/events/${id}`, init),
  client: (client: string, init: Abortable) => ask<ClientAnswer>(`/api/client${queryText({ client })}`, init),
  name: (client: string) => ask<NameAnswer>(`/api/name${queryText({ client })}`),
  rules: (init: Abortable) => ask<{ rules: Rule[] }>('/api/rules', init),
  status: (init: Abortable) => ask<Status>('/api/status', init),
  backends: (init: Abortable) => ask<BackendsAnswer>('/api/backends', init),
  fleet: (init: Abortable) => ask<FleetAnswer>('/api/fleet', init),
  bans: (init: Abortable) => ask<BansAnswer>('/api/bans', init),
  report: (query: Query) => ask<string | object>(`/api/report${queryText(query)}`),
  ban: (ban: { prefix: string; for?: string; reason?: string }) =>
    change<{ ban: Ban; note?: string }>('POST', '/api/bans', ban),
  unban: (prefix: string) => change<unknown>('DELETE', `/api/bans/${encodeURIComponent(prefix)}`),
  logout: () => change<unknown>('DELETE', '/session'),
};
