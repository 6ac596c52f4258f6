import type { JSX } from 'preact';
import { logoPath } from '../../looks/logo.ts';

export const Logo = (): JSX.Element => (
  <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
    <rect width="24" height="24" rx="4" fill="#b7282e" />
    <path d={logoPath} fill="none" stroke="#fff" stroke-width="1.5" />
  </svg>
);

/** Half light, half dark. */
export const ThemeIcon = (): JSX.Element => (
  <svg class="theme-mark" viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" />
    <path d="M8 2A6 6 0 0 1 8 14Z" fill="currentColor" />
  </svg>
);
