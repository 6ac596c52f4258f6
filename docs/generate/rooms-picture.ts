/**
 * The picture of the rooms, from their real imports: a row for each layer, and lines down to what a room imports. Lines to one
 * room share a lane, which no box covers, so that a line can be followed by eye.
 */
import { architecture, essential, importsBetweenRooms, layers, roomOf } from './rooms.ts';
import { walks } from './walks.ts';

/** As wide as a telephone shows it without making its letters small. */
const width = 460;
const perRow = 4;
const [boxHeight, gap, margin, top] = [24, 30, 10, 50];
const pitch = boxHeight + gap;

interface Place {
  /** A room, or the lane that leads to it. */
  readonly room: string;
  readonly isLane: boolean;
  readonly width: number;
  x: number;
  /** Above and below, by lines. */
  readonly up: Place[];
  readonly down: Place[];
}

export function roomsPicture(): string {
  const imports = essential(importsBetweenRooms());
  let best: Place[][] = [];
  // The result depends on the order at the beginning: the best of several is taken, the same in every run.
  for (let attempt = 0, least = Number.POSITIVE_INFINITY; attempt < attempts; attempt++) {
    const rows = arranged(imports, attempt);
    const cost = costOf(rows);
    if (cost < least) [best, least] = [rows, cost];
  }
  return drawn(best);
}

const attempts = 60;

function arranged(imports: ReadonlyMap<string, ReadonlySet<string>>, attempt: number): Place[][] {
  const rows = placed(imports);
  let seed = attempt;
  for (const row of rows)
    for (const place of row) {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      if (attempt > 0) place.x = (seed / 2_147_483_648) * width;
    }
  for (let sweep = 0; sweep < 60; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : rows.toReversed()) arrange(row, down ? 'up' : 'down', sweep < 40);
  }
  for (let sweep = 0; sweep < 40; sweep++) for (const row of rows) arrange(row, 'both', false);
  return rows;
}

/** Crossings of lines weigh more than their length sideways. */
function costOf(rows: readonly Place[][]): number {
  let cost = 0;
  for (const row of rows) {
    const lines = row.flatMap((above) => above.down.map((below) => [above.x, below.x] as const));
    for (const [i, [from, to]] of lines.entries()) {
      cost += Math.abs(to - from);
      for (const [otherFrom, otherTo] of lines.slice(i + 1))
        if ((from - otherFrom) * (to - otherTo) < 0) cost += 60;
    }
  }
  return cost;
}

/** The rows of each layer: of at most four rooms. */
const rowsOfLayers = layers.map((layer) => {
  const count = Math.ceil(layer.length / perRow);
  return Array.from({ length: count }, (_, i) =>
    layer.slice(Math.round((i * layer.length) / count), Math.round(((i + 1) * layer.length) / count)),
  );
});

function placed(imports: ReadonlyMap<string, ReadonlySet<string>>): Place[][] {
  const place = (room: string, isLane: boolean): Place => ({
    room,
    isLane,
    width: isLane ? 7 : room.length * 6.9 + 18,
    x: width / 2,
    up: [],
    down: [],
  });
  const names = rowsOfLayers.flat();
  const rows = names.map((row) => row.map((room) => place(room, false)));
  const rowOf = new Map(names.flatMap((row, index) => row.map((room) => [room, index] as const)));
  const join = (above: Place, below: Place): void => {
    if (above.down.includes(below)) return;
    above.down.push(below);
    below.up.push(above);
  };
  for (const [from, targets] of imports)
    for (const to of targets) {
      let above = rows[rowOf.get(from)!]!.find(({ room, isLane }) => room === from && !isLane)!;
      for (let row = rowOf.get(from)! + 1; row <= rowOf.get(to)!; row++) {
        let below = rows[row]!.find(({ room }) => room === to);
        if (below === undefined) {
          below = place(to, true);
          rows[row]!.push(below);
        }
        join(above, below);
        above = below;
      }
    }
  return rows;
}

/** Puts each place of a row near what it is joined to, and keeps them apart. */
function arrange(row: Place[], side: 'up' | 'down' | 'both', mayReorder: boolean): void {
  const wish = new Map(
    row.map((place) => {
      const others = side === 'both' ? [...place.up, ...place.down] : place[side];
      const sum = others.reduce((total, { x }) => total + x, 0);
      return [place, others.length === 0 ? place.x : sum / others.length] as const;
    }),
  );
  if (mayReorder) row.sort((one, other) => wish.get(one)! - wish.get(other)!);
  // Isotonic regression: the places nearest to the wishes that keep order and distance.
  const offsets: number[] = [];
  for (const [i, place] of row.entries()) {
    const before = row[i - 1];
    offsets.push(
      before === undefined
        ? 0
        : offsets[i - 1]! + (before.width + place.width) / 2 + spaceBetween(before, place),
    );
  }
  const blocks: { sum: number; count: number }[] = [];
  for (const [i, place] of row.entries()) {
    blocks.push({ sum: wish.get(place)! - offsets[i]!, count: 1 });
    for (let last = blocks.at(-1)!, before = blocks.at(-2); before !== undefined; before = blocks.at(-2)) {
      if (before.sum / before.count <= last.sum / last.count) break;
      blocks.pop();
      before.sum += last.sum;
      before.count += last.count;
      last = before;
    }
  }
  const least = margin + row[0]!.width / 2;
  const most = width - margin - row.at(-1)!.width / 2 - offsets.at(-1)!;
  const shifts = blocks.flatMap(({ sum, count }) => Array<number>(count).fill(sum / count));
  for (const [i, place] of row.entries()) place.x = offsets[i]! + Math.max(least, Math.min(most, shifts[i]!));
}

const spaceBetween = (one: Place, other: Place): number => (one.isLane && other.isLane ? 1 : 5);

function drawn(rows: readonly Place[][]): string {
  const walked = new Set(walks(architecture).flatMap(({ steps }) => steps.map(({ file }) => roomOf(file))));
  const height = top + rows.length * pitch - gap / 2;
  const round = (value: number): string => String(Math.round(value * 10) / 10);
  const lines: string[] = [];
  const boxes: string[] = [];
  for (const [index, row] of rows.entries()) {
    const y = top + index * pitch;
    for (const place of row) {
      const bottom = y + boxHeight;
      const x = round(place.x);
      if (place.isLane) lines.push(`<path d="M${x} ${y}V${bottom}"/>`);
      for (const below of place.down) {
        const end = bottom + gap;
        const middle = round(bottom + gap / 2);
        const to = round(below.x);
        lines.push(`<path d="M${x} ${bottom}C${x} ${middle} ${to} ${middle} ${to} ${end}"/>`);
      }
      if (!place.isLane) boxes.push(box(place, y, walked.has(place.room)));
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>The rooms of Sekisho, and what each imports</title>
<style>
svg{--paper:#fffdf9;--ink:#211f1b;--line:#a89f90;--edge:#645d52;--fill:#f1ece2;--seal:#a5242a;--band:#f8f3e8;--on:#fff}
@media (prefers-color-scheme:dark){svg{--paper:#1b1d21;--ink:#ece8e0;--line:#6f737c;--edge:#aba498;--fill:#2b2e34;--seal:#b7282e;--band:#202226;--on:#fff}}
.paper{fill:var(--paper)}
.band{fill:var(--band)}
path{fill:none;stroke:var(--line);stroke-width:1.2}
rect.room{fill:var(--fill);stroke:var(--edge)}
rect.walked{fill:var(--seal);stroke:var(--seal)}
text{font:500 12px ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--ink);text-anchor:middle}
text.walked{fill:var(--on)}
text.key{font:12px system-ui,"Segoe UI",Roboto,Arial,sans-serif;text-anchor:start}
</style>
<rect class="paper" width="${width}" height="${height}"/>
<rect class="room walked" x="${margin}" y="10" width="24" height="14" rx="3"/>
<text class="key" x="${margin + 32}" y="21">a request walks through it</text>
<path d="M${margin + 222} 8V26"/>
<text class="key" x="${margin + 232}" y="21">imports the room below</text>
${bands().join('\n')}
${lines.join('\n')}
${boxes.join('\n')}
</svg>
`;
}

/** A shade behind every other layer. */
function bands(): string[] {
  let row = 0;
  return rowsOfLayers.flatMap(({ length }, layer) => {
    const y = top + row * pitch - gap / 2;
    row += length;
    return layer % 2 === 0
      ? [`<rect class="band" y="${y}" width="${width}" height="${length * pitch}"/>`]
      : [];
  });
}

function box({ room, x, width: wide }: Place, y: number, walked: boolean): string {
  const mark = walked ? ' walked' : '';
  const left = Math.round((x - wide / 2) * 10) / 10;
  const middle = Math.round(x * 10) / 10;
  return `<rect class="room${mark}" x="${left}" y="${y}" width="${Math.round(wide * 10) / 10}" height="${boxHeight}" rx="4"/><text class="name${mark}" x="${middle}" y="${y + 16.5}">${room}</text>`;
}
