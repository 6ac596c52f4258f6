/** What `sekisho export` can write. */
export const targetNames = ['nginx'] as const;

export type TargetName = (typeof targetNames)[number];
