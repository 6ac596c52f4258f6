import { loadConfig } from '../config/load.ts';
import { exportSource } from '../export/source.ts';
import { targets } from '../export/targets.ts';
import { inputError } from './input-error.ts';
import type { Command, ExportOptions } from './options.ts';

/** What is ours where no config says so: as in `config/sekisho.yaml`. */
const embedded = { host: ['localhost:*', '127.0.0.1:*'], backend: ['welcome'] };

/** `sekisho export`: the policy as native configuration of another program. */
export const run: Command<ExportOptions> = async ({ target, config: file, part: wanted }) => {
  const config = file === undefined ? loadConfig(undefined, { overlay: embedded }) : loadConfig(file);
  if (config.sites.length === 0) {
    inputError('export', `${file} has no sites`, 'name a config with sites: what is exported is about HTTP');
    return 2;
  }
  const parts = targets[target].parts(exportSource(config));
  const part = wanted === undefined ? parts[0] : parts.find(({ name }) => name === wanted);
  if (part === undefined) {
    const names = parts.map(({ name }) => name).join(', ');
    inputError('export', `${target} has no part ${JSON.stringify(wanted)}`, `write one of: ${names}`);
    return 2;
  }
  process.stdout.write(part.text);
  return 0;
};
