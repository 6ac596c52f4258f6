/** The routes that an app has exempted, looked up before its own router sees the request. */
import createRouter, { type HTTPMethod } from 'find-my-way';
import type { Policy } from '../rules/policy.ts';
import type { Exemption } from './checkpoint-options.ts';

/** Router options of the app: exempt routes must be matched the same way. */
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

  /** Routes that are not exempt are added too: an exempt `/hooks/*` must not cover `/hooks/admin`. */
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
