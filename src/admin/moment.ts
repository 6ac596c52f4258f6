/** Times and time ranges as the admin API accepts them. */

const day = 86_400_000;

/** Milliseconds since the epoch; null if the text is not a time. */
export function moment(text: string): number | null {
  const time = /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(time) && Math.abs(time) <= 8.64e15 ? time : null;
}

/** Default: the last day. @returns the range, or what is wrong with it */
export function rangeOf(query: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}): { readonly from: number; readonly to: number } | string {
  const to = query.to === undefined ? Date.now() : moment(query.to);
  const from = query.from === undefined ? (to ?? 0) - day : moment(query.from);
  return from === null || to === null || from >= to
    ? 'from and to are not a range: write ISO 8601, with from before to'
    : { from, to };
}
