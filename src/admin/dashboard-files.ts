/** The built files of the dashboard. */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface DashboardFile {
  readonly body: Buffer;
  readonly type: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the build puts them, seen from the source and from the compiled package. */
const folders = ['../../dist/dashboard', '../../dashboard'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);

/** By path, such as `/index.html`; null if the dashboard is not built. */
export function readDashboardFiles(): ReadonlyMap<string, DashboardFile> | null {
  for (const folder of folders) {
    try {
      const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
        entry.isFile(),
      );
      const files = new Map(
        names.map((entry) => {
          const file = join(entry.parentPath, entry.name);
          const path = file.slice(folder.length).replaceAll('\\', '/');
          return [
            path,
            { body: readFileSync(file), type: types[extname(path)] ?? 'application/octet-stream' },
          ];
        }),
      );
      if (files.has('/index.html')) return files;
    } catch {
      // Not there: try the next folder.
    }
  }
  return null;
}
