import { connect } from './connect.ts';
import { firstBytes } from './first-bytes.ts';
import { foreignProtocols } from './foreign-protocols.ts';
import { framing } from './framing.ts';
import { headers } from './headers.ts';
import { hosts } from './hosts.ts';
import { legitimateBodies } from './legitimate-bodies.ts';
import { legitimateBrowsers } from './legitimate-browsers.ts';
import { legitimateHeaders } from './legitimate-headers.ts';
import { legitimatePaths } from './legitimate-paths.ts';
import { legitimateProtocols } from './legitimate-protocols.ts';
import { legitimateSoftware } from './legitimate-software.ts';
import { legitimateTools } from './legitimate-tools.ts';
import { methods } from './methods.ts';
import { pathProxies } from './path-proxies.ts';
import type { CorpusRow } from './row.ts';
import { seeds } from './seeds.ts';
import { targets } from './targets.ts';
import { todayNeighbours } from './today-neighbours.ts';
import { todayRows } from './today-rows.ts';

/** Every row of every topic. */
export const corpus: readonly CorpusRow[] = [
  ...seeds,
  ...targets,
  ...hosts,
  ...connect,
  ...headers,
  ...framing,
  ...firstBytes,
  ...foreignProtocols,
  ...methods,
  ...pathProxies,
  ...todayRows,
  ...legitimateBrowsers,
  ...legitimateTools,
  ...legitimateSoftware,
  ...legitimatePaths,
  ...legitimateHeaders,
  ...legitimateBodies,
  ...legitimateProtocols,
  ...todayNeighbours,
];

const seen = new Set<string>();
for (const { id } of corpus) {
  if (seen.has(id)) throw new Error(`corpus: two rows are called ${id}; give one of them another id`);
  seen.add(id);
}
