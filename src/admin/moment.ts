/** Moments and ranges of time, as the admin API takes them. */

const day = 86_400_000;

/** Milliseconds since the epoch; null where the text is no moment. */
export function moment(text: string): number | null {
  const time = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(time) && Math.abs(time) <= 8.64e15 ? time : null;
}

/** Left out it is the last day. @returns what is wrong with it, where something is */
export function rangeOf(query: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}): { readonly from: number; readonly to: number } | string {
  const to = query.to === undefined ? Date.now() : moment(query.to);
  const from = query.from === undefined ? (to ?? 0) - day : moment(query.from);
  return from === null || to === null || from >= to
    ? 'from and to are no range: write ISO 8601, from before to'
    : { from, to };
}
