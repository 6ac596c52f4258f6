/** Colours of rules in plots: pigments of woodblock prints, distinguishable in both themes. */
const light = ['#b7282e', '#27577f', '#c28a1f', '#3c7a5a', '#7a4d80', '#2a8a93', '#a55a34', '#6f6a60'];
const dark = ['#e0605f', '#6fa3cf', '#dcae52', '#6fb48d', '#b98cc0', '#5cbcc4', '#d08d66', '#a39c8f'];

const isDark = (): boolean =>
  getComputedStyle(document.documentElement).getPropertyValue('--dark').trim() === '1';

export const colours = (): readonly string[] => (isDark() ? dark : light);
