/** Known faults in what is shipped, as the registry's advisories know them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { builtInDependencies, runtimeDependencies } from '../../tools/dependencies.ts';
import { root } from '../support/installed-package.ts';
