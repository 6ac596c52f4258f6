/** What `sekisho export` can write. */
export const targetNames = ['nginx', 'apache'] as const;

export type TargetName = (typeof targetNames)[number];
