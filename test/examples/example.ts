/** The files of `config/examples/`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '../..');
export const examples = join(root, 'config/examples');

/** The text of an example, with the reader's paths and ports replaced. @throws if one of them is not in it */
export function example(path: string, places: Readonly<Record<string, string>> = {}): string {
  let text = readFileSync(join(examples, path), 'utf8');
  for (const [place, ours] of Object.entries(places)) {
    if (!text.includes(place)) throw new Error(`config/examples/${path} does not say ${place}`);
    text = text.replaceAll(place, ours);
  }
  return text;
}
