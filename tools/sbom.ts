/**
 * Writes a CycloneDX bill of materials: name, version, licence and hash of every package that the program needs at run time,
 * Fastify included, and of those compiled into the dashboard. The same lock file gives the same bytes.
 *
 * `node tools/sbom.ts [FILE]` writes it there; without FILE to `sekisho.cdx.json`.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { builtInDependencies, type Dependency, runtimeDependencies } from './dependencies.ts';

const root = resolve(import.meta.dirname, '..');

interface Component {
  readonly type: 'application' | 'library';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly licenses: readonly ({ license: { id: string } } | { expression: string })[];
  readonly purl: string;
  readonly group?: string;
  readonly hashes?: readonly { alg: string; content: string }[];
  readonly cpe?: string;
}

interface Bom {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly version: 1;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity?: string }>>;
}

const json = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));

/**
 * @param node the Node that is shipped too, as a component; null: none
 * @throws Error if the installed packages differ from the lock file
 */
export function bom(node: Component | null = null): Bom {
  const own = json('package.json') as {
    name: string;
    version: string;
    license: string;
    dependencies: Record<string, string>;
    optionalDependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };
  const { packages } = json('package-lock.json') as Lock;
  const builtIn = builtInDependencies(root);
  const shipped = [...runtimeDependencies(root), ...builtIn];
  const byPath = new Map(shipped.map((one) => [one.path, one]));
  const refs = (paths: readonly string[]): string[] =>
    [...new Set(paths.map((path) => purl(byPath.get(path)!)))].sort();

  // A package installed in two folders is one component.
  const components = new Map<string, Component>();
  const needs = new Map<string, string[]>();
  for (const one of shipped) {
    const ref = purl(one);
    components.set(ref, library(one, packages));
    needs.set(ref, [...(needs.get(ref) ?? []), ...refs(one.needs)]);
  }
  const direct = Object.keys({
    ...own.dependencies,
    ...own.optionalDependencies,
    ...own.peerDependencies,
  }).map((name) => `node_modules/${name}`);
  const application: Component = {
    type: 'application',
    'bom-ref': purl(own),
    name: own.name,
    version: own.version,
    licenses: [{ license: { id: own.license } }],
    purl: purl(own),
  };
  const ofApplication = refs([...direct, ...builtIn.map(({ path }) => path)]);
  if (node !== null) {
    components.set(node['bom-ref'], node);
    needs.set(node['bom-ref'], []);
    ofApplication.push(node['bom-ref']);
  }
  needs.set(application['bom-ref'], ofApplication);
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: application },
    components: [...components].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component),
    dependencies: [...needs]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([ref, on]) => ({ ref, dependsOn: [...new Set(on)].sort() })),
  };
}

/** The Node that runs this; the CPE is the name that its CVEs are published under. */
export function nodeComponent(): Component {
  const { node } = process.versions;
  const ref = `pkg:generic/node@${node}`;
  return {
    type: 'application',
    'bom-ref': ref,
    name: 'node',
    version: node,
    hashes: [
      { alg: 'SHA-256', content: createHash('sha256').update(readFileSync(process.execPath)).digest('hex') },
    ],
    licenses: [{ license: { id: 'MIT' } }],
    cpe: `cpe:2.3:a:nodejs:node.js:${node}:*:*:*:*:*:*:*`,
    purl: ref,
  };
}

function library(one: Dependency, packages: Lock['packages']): Component {
  const locked = packages[one.path];
  if (locked?.version !== one.version)
    throw new Error(
      `${one.path} is ${one.version}, and ${locked?.version ?? 'nothing'} in package-lock.json: run npm ci`,
    );
  if (one.license === undefined) throw new Error(`${one.name} ${one.version} has no licence`);
  const [group, name] = one.name.startsWith('@') ? one.name.split('/') : [undefined, one.name];
  return {
    type: 'library',
    'bom-ref': purl(one),
    ...(group === undefined ? {} : { group }),
    name: name!,
    version: one.version,
    hashes: (locked.integrity ?? '').split(' ').filter(Boolean).map(hash),
    licenses: [/\s/.test(one.license) ? { expression: one.license } : { license: { id: one.license } }],
    purl: purl(one),
  };
}

/** `sha512-BASE64` in a lock file → algorithm name and hexadecimal digits, as CycloneDX writes them. */
function hash(integrity: string): { alg: string; content: string } {
  const [, bits, digest] = /^sha(\d+)-(.+)$/.exec(integrity)!;
  return { alg: `SHA-${bits}`, content: Buffer.from(digest!, 'base64').toString('hex') };
}

/** The @ of a scope is written as %40 (package-url, "How to build"); a + in a build tag would be read as a space. */
function purl({ name, version }: { name: string; version: string }): string {
  return `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
}

if (import.meta.main) {
  const file = resolve(process.argv[2] ?? 'sekisho.cdx.json');
  writeFileSync(file, `${JSON.stringify(bom(), null, 2)}\n`);
  process.stdout.write(`${file}\n`);
}
