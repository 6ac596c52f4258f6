/** Placeholders for data: loading, empty, failed. */
import type { ComponentChildren, JSX } from 'preact';
import { t } from '../language.ts';
import type { Resource } from '../resource.ts';

interface LoadedProps<T> {
  readonly of: Resource<T>;
  /** Lines of the placeholder. */
  readonly lines?: number;
  readonly children: (data: T) => ComponentChildren;
}

export function Loaded<T>({ of, lines = 4, children }: LoadedProps<T>): JSX.Element {
  const { data, error, loading, reload } = of;
  return (
    <>
      {error !== null && (
        <div class="trouble" role="alert">
          <p>
            <strong>{t.states.failed}</strong> {error}
          </p>
          <button type="button" onClick={reload}>
            {t.states.again}
          </button>
        </div>
      )}
      {data !== null && children(data)}
      {data === null && loading && error === null && (
        <div class="skeleton" aria-busy="true">
          <span class="hidden">{t.states.loading}</span>
          {Array.from({ length: lines }, (_, line) => (
            <i key={line} />
          ))}
        </div>
      )}
    </>
  );
}

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element => (
  <div class="empty">
    <svg viewBox="0 0 64 40" aria-hidden="true">
      <path d="M6 36V8H28V22H6M6 15H28M58 22H36V8H58V33Q58 36 52 35.5M36 15H58" />
    </svg>
    <p class="empty-title">{title}</p>
    {children !== undefined && <p>{children}</p>}
  </div>
);
