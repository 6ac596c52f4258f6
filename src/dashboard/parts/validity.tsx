/** How long something is still valid, and why it could not be renewed. */
import type { JSX } from 'preact';
import { t } from '../language.ts';
import { spanText } from '../words.ts';

interface ValidityProps {
  /** Null: there is none. */
  readonly until: string | null;
  /** Milliseconds before the end when it is marked. @default 0 */
  readonly soon?: number;
  /** Says that there is none. */
  readonly none: string;
  readonly trouble: string | null;
}

export function Validity({ until, soon = 0, none, trouble }: ValidityProps): JSX.Element {
  const left = until === null ? null : Date.parse(until) - Date.now();
  const look = left === null || left <= 0 ? 'block' : trouble !== null || left < soon ? 'flag' : 'allow';
  const text = left === null ? none : left <= 0 ? t.health.ended : t.health.goodFor(spanText(left));
  return (
    <>
      <span class={`fate ${look}`}>{text}</span>
      {trouble !== null && <p class="inline-trouble">{trouble}</p>}
    </>
  );
}
