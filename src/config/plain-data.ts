/** Values of any shape as maps, lists and scalars: configs are checked before it is known that they are configs. */

export type PlainMap = Record<string, unknown>;

export const isMap = (value: unknown): value is PlainMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value if it is a map; else an empty one. */
export const asMap = (value: unknown): PlainMap => (isMap(value) ? value : {});

/** The value if it is a list; else an empty one. */
export const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/**
 * A deep copy. Undefined entries of maps are dropped, objects with a `toJSON` (a URL, a Date) become what it returns, and a map or
 * list inside itself becomes null. Functions and the like stay as they are: the schema refuses them with their place.
 *
 * @param around the maps and lists that the value lies in
 */
export function plainCopy(value: unknown, around: readonly object[] = []): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (around.includes(value)) return null;
  const inside = [...around, value];
  if (Array.isArray(value)) return Array.from(value, (item) => plainCopy(item, inside));
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') return plainCopy(toJSON.call(value), inside);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [key, plainCopy(item, inside)]),
  );
}
