/** A world map of the sources. The list beside it has the numbers. */
import type { JSX } from 'preact';
import type { OriginsAnswer } from '../api.ts';
import { say, t } from '../language.ts';
import { amount } from '../words.ts';
import { height, land, placeOf, width } from '../world.ts';

/** The land as one path: each dot is a zero-length line with round caps. */
const dots = land.map(({ x, y }) => `M${x} ${y}h0`).join('');

/** Radius of the busiest country, and the smallest radius, in dots. */
const [largest, smallest] = [2.6, 0.7];

export function World({ countries }: Pick<OriginsAnswer, 'countries'>): JSX.Element {
  const most = Math.max(1, ...countries.map(({ count }) => count));
  return (
    <svg class="world" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={t.who.map}>
      <path class="land" d={dots} />
      {countries.map(({ country, count }) => {
        const place = country === null ? undefined : placeOf.get(country);
        if (country === null || place === undefined) return null;
        // The area is proportional to the count.
        const radius = smallest + (largest - smallest) * Math.sqrt(count / most);
        return (
          <circle key={country} class="origin-mark" cx={place.x} cy={place.y} r={radius}>
            <title>{`${say.country(country)}: ${amount(count)}`}</title>
          </circle>
        );
      })}
    </svg>
  );
}
