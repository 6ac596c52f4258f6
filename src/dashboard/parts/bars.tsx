import type { ComponentChildren, JSX } from 'preact';
import { amount } from '../words.ts';

interface Bar {
  readonly key: string;
  readonly label: ComponentChildren;
  readonly count: number;
  readonly href?: string;
  readonly colour?: string;
}

/** A bar chart of counts; the largest count has the longest bar. */
export function Bars({ bars }: { bars: readonly Bar[] }): JSX.Element {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  return (
    <ul class="bars">
      {bars.map(({ key, label, count, href, colour }) => (
        <li key={key}>
          <span class="bar-label">{href === undefined ? label : <a href={href}>{label}</a>}</span>
          <span class="bar-count">{amount(count)}</span>
          <span class="bar" aria-hidden="true">
            <i
              style={{
                width: `${Math.max(0.5, (count / most) * 100)}%`,
                ...(colour ? { background: colour } : {}),
              }}
            />
          </span>
        </li>
      ))}
    </ul>
  );
}
