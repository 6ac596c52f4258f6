/** Builds the dashboard into `dist/dashboard`: `npm run dashboard`. */
import { resolve } from 'node:path';
import { defineConfig } from 'vite';
import { looks } from '../looks/looks.ts';

/** The stylesheet that reports share, as a file of the dashboard: its content policy allows no other. */
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
    // The content policy allows no data: scripts, and a font or image inlined would be loaded by nobody else's cache.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    reportCompressedSize: false,
    // On a slow machine it would tell how long each plugin took.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
