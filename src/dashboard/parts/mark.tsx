import type { JSX } from 'preact';

/** The character for gate, cut as a seal: drawn, since not every machine has a font for it. */
export const Mark = (): JSX.Element => (
  <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect width="24" height="24" rx="4" fill="#b7282e" />
    <path
      d="M5.5 4.5V20M5.5 4.5H10.5V11H5.5M5.5 7.7H10.5M18.5 11H13.5V4.5H18.5M13.5 7.7H18.5M18.5 4.5V19Q18.5 20 16.5 19.6"
      fill="none"
      stroke="#fff"
      stroke-width="1.5"
    />
  </svg>
);

/** Half light, half dark. */
export const ThemeMark = (): JSX.Element => (
  <svg class="theme-mark" viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" />
    <path d="M8 2A6 6 0 0 1 8 14Z" fill="currentColor" />
  </svg>
);
