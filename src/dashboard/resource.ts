/** Data from the server: loading, there, or not to be had. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

/** Event of the window: the live feed is there, again or for the first time. */
export const connected = 'sekisho-connected';

export interface Resource<T> {
  /** What is known; stays while newer data is fetched. */
  readonly data: T | null;
  /** Why there is none. */
  readonly error: string | null;
  readonly loading: boolean;
  reload(): void;
}

/**
 * @param load fetches it
 * @param keys fetched anew where one of them changes; what was known of the other is forgotten then
 */
export function useResource<T>(
  load: (init: { signal: AbortSignal }) => Promise<T>,
  keys: readonly unknown[],
): Resource<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: string | null; loading: boolean }>(
    {
      key: '',
      data: null,
      error: null,
      loading: true,
    },
  );
  const [round, setRound] = useState(0);
  const key = JSON.stringify(keys);
  const current = useRef(load);
  current.current = load;
  useEffect(() => {
    const abort = new AbortController();
    setState((was) => ({
      ...was,
      loading: true,
      ...(was.key === key ? {} : { key, data: null, error: null }),
    }));
    current.current(abort).then(
      (data) => !abort.signal.aborted && setState({ key, data, error: null, loading: false }),
      (error: Error) =>
        !abort.signal.aborted && setState((was) => ({ ...was, error: error.message, loading: false })),
    );
    return () => abort.abort();
  }, [key, round]);
  const reload = useCallback(() => setRound((was) => was + 1), []);
  const failed = state.error !== null;
  useEffect(() => {
    if (!failed) return;
    addEventListener(connected, reload);
    return () => removeEventListener(connected, reload);
  }, [failed]);
  const fresh = state.key === key;
  return {
    data: fresh ? state.data : null,
    error: fresh ? state.error : null,
    loading: fresh ? state.loading : true,
    reload,
  };
}
