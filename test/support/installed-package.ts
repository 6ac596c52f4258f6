/** The package as users get it: built and packed from a copy of the checkout, installed into an empty folder. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Owner } from './owner.ts';
import { runProcess } from './process.ts';
import { tempDir } from './temp-dir.ts';

export const root = resolve(import.meta.dirname, '../..');
export const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly exports: Record<string, unknown>;
  readonly devDependencies: Record<string, string>;
};

export interface InstalledPackage {
  readonly tarball: string;
  /** The folder of an app that has it installed. */
  readonly app: string;
  /** Runs Node in that folder, to its end. @returns what it wrote to stdout */
  node(args: readonly string[], env?: Record<string, string>): Promise<string>;
}

/** The files of the checkout that a build needs. */
const sources = ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'src', 'plugins', 'tools', 'config'];

/** Without variables of the surrounding npm or test runner; scripts run with the Node that runs this. */
export const cleanEnv: Record<string, string | undefined> = {
  ...Object.fromEntries(
    Object.keys(process.env).flatMap((name) =>
      /^npm_(?!config_registry)/.test(name) ? [[name, undefined] as const] : [],
    ),
  ),
  NODE_TEST_CONTEXT: undefined,
  NODE_V8_COVERAGE: undefined,
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
};

/** @param beside our development dependencies that the app also has */
export async function installedPackage(owner: Owner, beside: readonly string[]): Promise<InstalledPackage> {
  const folder = await tempDir(owner, 'package');
  const [copy, packed, app] = ['copy', 'packed', 'app'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [copy, packed, app]) mkdirSync(path);
  for (const name of [...sources, 'README.md', 'LICENSE'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  await run('npm', ['pack', '--pack-destination', packed], copy);
  const tarball = join(packed, `sekisho-${packageJson.version}.tgz`);
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }\n');
  const wanted = ['fastify', ...beside].map((name) => `${name}@${packageJson.devDependencies[name]}`);
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...wanted], app);
  return { tarball, app, node: (args, env) => run(process.execPath, args, app, env) };
}

/** Runs to its end. @returns what it wrote to stdout */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await runProcess(command, args, { cwd, env: { ...cleanEnv, ...env } });
  assert.equal(code, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}
