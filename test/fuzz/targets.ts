import { h2Backend } from './h2-backend-target.ts';
import { h2Connection } from './h2-connection-target.ts';
import { h2Targets } from './h2-targets.ts';
import { mailTargets } from './mail-targets.ts';
import { ocspTarget } from './ocsp-target.ts';
import type { Target } from './target.ts';
import { textTargets } from './text-targets.ts';
import { tunnelTargets } from './tunnel-targets.ts';
import { wireTargets } from './wire-targets.ts';

/** Every pure parser that reads untrusted bytes. */
export const targets: readonly Target[] = [
  ...wireTargets,
  ...tunnelTargets,
  ...h2Targets,
  h2Connection,
  h2Backend,
  ocspTarget,
  ...mailTargets,
  ...textTargets,
];
