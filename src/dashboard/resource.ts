/** Data from the server: loading, loaded or failed. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

/** Event of the window: the live feed is connected (again). */
export const connected = 'sekisho-connected';

export interface Resource<T> {
  /** The latest data; stays while newer data is loaded. */
  readonly data: T | null;
  /** Why loading failed. */
  readonly error: string | null;
  readonly loading: boolean;
  reload(): void;
}

/**
 * @param load fetches the data
 * @param keys when one changes, the data is dropped and fetched again
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
