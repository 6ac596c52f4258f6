import { apache } from './apache.ts';
import type { TargetName } from './names.ts';
import { nginx } from './nginx.ts';
import type { Target } from './target.ts';

export const targets: Readonly<Record<TargetName, Target>> = { nginx, apache };
