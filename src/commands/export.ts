import type { Config } from '../config/config.ts';
import { extentOf } from '../export/coverage.ts';
import { calleesOf, egressRules, resolved } from '../export/egress.ts';
import { egressName } from '../export/names.ts';
import { exportSource } from '../export/source.ts';
import { targets } from '../export/targets.ts';
import { inputError } from './input-error.ts';
import type { Command, ExportOptions } from './options.ts';
import { loadConfigOrWelcome } from './welcome-config.ts';

/** `sekisho export`: the policy as native configuration of another program. */
export const run: Command<ExportOptions> = async ({ target, config: file, part: wanted, json = false }) => {
  const config = loadConfigOrWelcome(file);
  if (target === egressName) return exportEgress(config, wanted, json);
  if (config.sites.length === 0) {
    inputError(
      'export',
      `${file} has no sites`,
      'name a config with sites: only the HTTP policy is exported',
    );
    return 2;
  }
  const { coverages, parts: write } = targets[target];
  const source = exportSource(config);
  const parts = write(source);
  const part = wanted === undefined ? parts[0] : parts.find(({ name }) => name === wanted);
  if (part === undefined) {
    const names = parts.map(({ name }) => name).join(', ');
    inputError('export', `${target} has no part ${JSON.stringify(wanted)}`, `write one of: ${names}`);
    return 2;
  }
  if (!json) {
    process.stdout.write(part.text);
    return 0;
  }
  const { all, part: partly, none, off } = extentOf(coverages, source.action);
  const files = wanted === undefined ? parts : [part];
  const output = {
    target,
    files: files.map(({ name, path, text }) => ({ name, path, content: text })),
    expressed: all,
    partly,
    notExpressed: none,
    notBlocked: off,
  };
  process.stdout.write(`${JSON.stringify(output)}\n`);
  return 0;
};

/** Returns 1 if a name could not be resolved: the kernel would then refuse connections to that service. */
async function exportEgress(config: Config, part = 'user', json: boolean): Promise<number> {
  if (part !== 'user' && part !== 'unit') {
    inputError('export', `egress has no part ${JSON.stringify(part)}`, 'write one of: user, unit');
    return 2;
  }
  const callees = await resolved(calleesOf(config));
  const subject = part === 'user' ? { user: config.user || 'sekisho' } : { unit: 'sekisho.service' };
  const content = egressRules(callees, subject);
  const unresolved = callees.filter(({ addresses }) => addresses.length === 0);
  for (const { what, host } of unresolved)
    process.stderr.write(`warning: ${what}: ${host} could not be resolved and is missing from the rules\n`);
  process.stdout.write(json ? `${JSON.stringify({ target: egressName, callees, content })}\n` : content);
  return unresolved.length === 0 ? 0 : 1;
}
