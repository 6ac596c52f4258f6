/** The routes of an app that asked to be exempt, found before the app's own router sees the request. */
import createRouter, { type HTTPMethod } from 'find-my-way';
import type { Policy } from '../rules/policy.ts';
import type { Exemption } from './checkpoint-options.ts';

/** How the app reads paths: the exempt routes have to be found by the same reading. */
export interface PathReading {
  readonly caseSensitive?: boolean | undefined;
  readonly ignoreTrailingSlash?: boolean | undefined;
  readonly ignoreDuplicateSlashes?: boolean | undefined;
  readonly useSemicolonDelimiter?: boolean | undefined;
  readonly maxParamLength?: number | undefined;
}

export class ExemptRoutes implements Exemption {
  readonly policy: Policy;
  readonly #router;
  #any = false;

  constructor(policy: Policy, reading: PathReading) {
    this.policy = policy;
    this.#router = createRouter(
      Object.fromEntries(Object.entries(reading).filter(([, value]) => value !== undefined)),
    );
  }

  /** Routes that are not exempt are added too: `/hooks/admin` is not covered by an exempt `/hooks/*` beside it. */
  add(method: string, url: string, exempt: boolean): void {
    if (this.#router.findRoute(method as HTTPMethod, url) !== null) return;
    this.#any ||= exempt;
    this.#router.on(method as HTTPMethod, url, nothing, { exempt });
  }

  covers(method: string, path: string): boolean {
    if (!this.#any) return false;
    const found = this.#router.find(method as HTTPMethod, path);
    return (found?.store as { exempt: boolean } | undefined)?.exempt === true;
  }
}

const nothing = (): void => {};
