/** Probes over time, stacked by rule. The legend below the plot has the numbers. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import type { SummaryAnswer } from '../api.ts';
import { say, t } from '../language.ts';
import { href } from '../route.ts';
import { amount, fullTime, techniqueWords } from '../words.ts';
import { colours } from './palette.ts';

/** Rules with their own colour; the others share one. */
const ownColours = 7;
const height = 220;

interface Stacked {
  /** Seconds since the epoch. */
  readonly times: number[];
  readonly names: readonly string[];
  /** For each name, by time. */
  readonly counts: readonly number[][];
  /** Seconds from one time to the next. */
  readonly step: number;
}

export function Chart({ summary }: { summary: SummaryAnswer }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [theme, setTheme] = useState(0);
  const stacked = useMemo(() => stack(summary), [summary]);
  const palette = useMemo(colours, [theme, stacked]);

  useEffect(() => {
    const onTheme = () => setTheme((was) => was + 1);
    const media = matchMedia('(prefers-color-scheme: dark)');
    media.addEventListener('change', onTheme);
    addEventListener('sekisho-theme', onTheme);
    return () => {
      media.removeEventListener('change', onTheme);
      removeEventListener('sekisho-theme', onTheme);
    };
  }, []);

  useEffect(() => {
    const element = box.current!;
    const plot = draw(element, stacked, palette, setAt);
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [stacked, palette]);

  const { times, names, counts } = stacked;
  const total = (index: number) => counts.reduce((sum, row) => sum + row[index]!, 0);
  const words =
    at === null
      ? t.chart.probes(summary.total)
      : t.chart.from(amount(total(at)), fullTime(times[at]! * 1000));
  return (
    <figure class="chart">
      <div ref={box} role="img" aria-label={t.chart.label(amount(summary.total))} />
      <Banned summary={summary} times={times} />
      <figcaption>
        <p class="chart-at">{words}</p>
        <ul class="legend">
          {names.map((name, index) => (
            <li key={name}>
              <i style={{ background: palette[index]! }} aria-hidden="true" />
              {name === 'others' ? (
                t.chart.others
              ) : (
                <>
                  <a href={href('events', { rule: name })}>{techniqueWords(name)}</a> <small>{name}</small>
                </>
              )}
              <span class="legend-count">
                {amount(
                  at === null ? counts[index]!.reduce((sum, count) => sum + count, 0) : counts[index]![at]!,
                )}
              </span>
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

/** Requests from banned clients, in a pale band with its own scale: they are often so many that they would flatten the probes. */
function Banned({
  summary,
  times,
}: {
  summary: SummaryAnswer;
  times: readonly number[];
}): JSX.Element | null {
  const { banned, from, series } = summary;
  if (banned === 0) return null;
  const counts = times.map(() => 0);
  for (const { time, count } of series.banned) {
    const index = Math.round((time - Date.parse(from)) / series.step);
    if (index in counts) counts[index]! += count;
  }
  const most = Math.max(1, ...counts);
  return (
    <div class="banned-band">
      <div class="banned-bars" aria-hidden="true">
        {counts.map((count, index) => (
          <i
            key={times[index]}
            title={t.chart.bannedFrom(count, fullTime(times[index]! * 1000))}
            style={{ height: count === 0 ? 0 : `${Math.max(8, (count / most) * 100)}%` }}
          />
        ))}
      </div>
      <p>
        {t.chart.banned(banned)} <a href={href('bans')}>{t.chart.theBans}</a>
      </p>
    </div>
  );
}

/** `14:00`, or at midnight the day. @param seconds since the epoch */
function tick(seconds: number): string {
  const time = new Date(seconds * 1000);
  return time.getHours() + time.getMinutes() === 0 ? say.day(time) : say.minutes(time);
}

function stack({ from, to, series, rules }: SummaryAnswer): Stacked {
  const { step, points } = series;
  const start = Date.parse(from);
  const length = Math.max(1, Math.ceil((Date.parse(to) - start) / step));
  const times = Array.from({ length }, (_, index) => (start + index * step) / 1000);
  const ranked = [...new Set(rules.map(({ rule }) => rule))];
  const own = ranked.slice(0, ranked.length > ownColours + 1 ? ownColours : ownColours + 1);
  const names = own.length < ranked.length ? [...own, 'others'] : own;
  const counts = names.map(() => new Array<number>(length).fill(0));
  for (const { time, rule, count } of points) {
    const name = own.indexOf(rule);
    const index = Math.round((time - start) / step);
    if (index < 0 || index >= length) continue;
    counts[name === -1 ? names.length - 1 : name]![index]! += count;
  }
  return { times, names, counts, step: step / 1000 };
}

function draw(
  element: HTMLElement,
  { times, names, counts, step }: Stacked,
  palette: readonly string[],
  onCursor: (index: number | null) => void,
): uPlot {
  const style = getComputedStyle(element);
  const ink = style.getPropertyValue('--soft');
  const line = style.getPropertyValue('--line');
  // Stacking: the highest sum is drawn first, each lower one over it.
  const sums: number[][] = [];
  let below = times.map(() => 0);
  for (const row of counts) {
    below = below.map((sum, index) => sum + row[index]!);
    sums.push(below);
  }
  const order = sums.map((_, index) => index).reverse();
  const axis = {
    stroke: ink,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: '12px system-ui, sans-serif',
  };
  return new uPlot(
    {
      width: element.clientWidth || 320,
      height,
      // Half of the last tick label is outside the plot.
      padding: [8, 26, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        // Up to the end of the last bar; otherwise the current bar is cut in half.
        x: { time: true, range: [times[0]!, times.at(-1)! + step] },
        y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.08)] },
      },
      axes: [
        { ...axis, size: 30, space: 76, values: (_plot, splits) => splits.map(tick) },
        {
          ...axis,
          size: 48,
          incrs: [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8,
          ],
        },
      ],
      series: [
        {},
        ...order.map((index) => ({
          label: names[index]!,
          fill: palette[index]!,
          stroke: palette[index]!,
          width: 0,
          points: { show: false },
          paths: uPlot.paths.bars!({ size: [0.9, 80, 1], align: 1 }),
        })),
      ],
      hooks: {
        setCursor: [
          (plot) => {
            const { left = -1 } = plot.cursor;
            const index = Math.floor((plot.posToVal(left, 'x') - times[0]!) / step);
            onCursor(left < 0 || index < 0 || index >= times.length ? null : index);
          },
        ],
      },
    },
    [times, ...order.map((index) => sums[index]!)],
    element,
  );
}
