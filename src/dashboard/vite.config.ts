/** Builds the dashboard into `dist/dashboard`: `npm run dashboard`. */
import { resolve } from 'node:path';
import { defineConfig } from 'vite';
import { looks } from '../looks/looks.ts';

/** The stylesheet shared with reports, as a file: the Content-Security-Policy allows no inline styles. */
const name = 'virtual:looks.css';
const sharedLooks = {
  name: 'sekisho-looks',
  resolveId: (id: string) => (id === name ? `\0${name}` : null),
  load: (id: string) => (id === `\0${name}` ? looks : null),
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [sharedLooks],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: resolve(import.meta.dirname, '../../dist/dashboard'),
    emptyOutDir: true,
    // The Content-Security-Policy allows no data: scripts, and inlined fonts or images could not be cached.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: false,
    // No warnings about plugin times on slow machines.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
