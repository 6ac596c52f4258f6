import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';

/** The site of `config/sekisho.yaml`. */
const overlay = { host: ['localhost:*', '127.0.0.1:*'], backend: ['welcome'] };

/** The config of the file; without a file, the welcome site on the default policy. */
export const loadConfigOrWelcome = (file: string | undefined): Config =>
  file === undefined ? loadConfig(undefined, { overlay }) : loadConfig(file);
