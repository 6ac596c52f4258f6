/** Parser of a repeatable option: collects its values. */
export const collect = (value: string, earlier: string[] = []): string[] => [...earlier, value];
