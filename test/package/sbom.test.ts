/** The bill of materials: exactly what is shipped, as valid CycloneDX 1.6. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { Ajv } from 'ajv';
import { build } from 'vite';
import { builtInDependencies } from '../../tools/dependencies.ts';
import { bom as billOf, nodeComponent } from '../../tools/sbom.ts';
import { root, run } from '../support/installed-package.ts';
import { tempDir } from '../support/temp-dir.ts';

type Json = Record<string, unknown>;

interface Component {
  readonly type: string;
  readonly 'bom-ref': string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly hashes: readonly { alg: string; content: string }[];
  readonly licenses: readonly { license?: { id: string } }[];
  readonly purl: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

const digits: Readonly<Record<string, number>> = {
  'SHA-1': 40,
  'SHA-256': 64,
  'SHA-384': 96,
  'SHA-512': 128,
};
const purl = /^pkg:npm\/(?:%40[a-z0-9._-]+\/)?[a-z0-9._-]+@[0-9A-Za-z.%-]+$/;
const fullName = ({ group, name }: Component): string => (group === undefined ? name : `${group}/${name}`);
const manifest = (path: string): Manifest => JSON.parse(readFileSync(path, 'utf8')) as Manifest;

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<
    Record<string, { readonly integrity: string; readonly dev?: true; readonly dependencies?: object }>
  >;
};
const dir = await tempDir({ after }, 'sbom');

suite('the bill of materials', async () => {
  await run(process.execPath, [join(root, 'tools/sbom.ts'), join(dir, 'a.json')], root);
  const text = readFileSync(join(dir, 'a.json'), 'utf8');
  const bom = JSON.parse(text) as Json & {
    components: Component[];
    metadata: { component: Component };
    dependencies: { ref: string; dependsOn: string[] }[];
  };

  test('has every package of the program and the dashboard, with licence and hash', () => {
    const { packages } = lock;
    // What npm installs for users of the package, and the peer with its dependencies, which npm marks as development.
    const ours = ['', 'tools/program', 'node_modules/sekisho-program'];
    const places = new Set(
      Object.keys(packages).filter((path) => !ours.includes(path) && !packages[path]!.dev),
    );
    const queue = ['node_modules/fastify'];
    for (const place of queue) {
      places.add(place);
      for (const name of Object.keys(packages[place]!.dependencies ?? {})) {
        const nested = `${place}/node_modules/${name}`;
        const next = nested in packages ? nested : `node_modules/${name}`;
        if (!queue.includes(next)) queue.push(next);
      }
    }
    const expected = [...places, 'node_modules/preact', 'node_modules/uplot'].map((place) =>
      manifest(join(root, place, 'package.json')),
    );
    const described = (one: { name: string; version: string }, licence: string | undefined): string =>
      `${one.name} ${one.version} ${licence}`;
    assert.deepEqual(
      bom.components
        .map((one) => described({ ...one, name: fullName(one) }, one.licenses[0]?.license?.id))
        .sort(),
      [...new Set(expected.map((one) => described(one, one.license)))].sort(),
    );
    const names = new Set(bom.components.map(fullName));
    for (const name of ['fastify', 'http-proxy-3', '@opentelemetry/api']) assert.ok(names.has(name), name);
    for (const name of ['vite', 'typescript', 'sekisho']) assert.ok(!names.has(name), name);
    assert.ok(bom.components.every(({ hashes }) => hashes.length > 0));
  });

  test('has the packages compiled into the dashboard', { timeout: 120_000 }, async () => {
    const built = (await build({
      configFile: join(root, 'src/dashboard/vite.config.ts'),
      logLevel: 'silent',
      build: { write: false },
    })) as unknown as { output: { moduleIds?: string[] }[] };
    const taken = built.output
      .flatMap(({ moduleIds }) => moduleIds ?? [])
      .flatMap((id) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []);
    assert.deepEqual(
      builtInDependencies(root).map(({ name }) => name),
      [...new Set(taken)].sort(),
    );
  });

  test('follows the rules of CycloneDX', () => {
    assert.deepEqual([bom.bomFormat, bom.specVersion, bom.version], ['CycloneDX', '1.6', 1]);
    const all = [bom.metadata.component, ...bom.components];
    for (const one of all) {
      assert.match(one.type, /^(?:application|library)$/);
      assert.ok(one.name !== '' && one.version !== '');
      assert.match(one.purl, purl);
      assert.equal(one.licenses.length, 1);
      assert.match(one.licenses[0]?.license?.id ?? '', /^[A-Za-z0-9.-]+$/);
      for (const { alg, content } of one.hashes ?? [])
        assert.match(content, new RegExp(`^[0-9a-f]{${digits[alg]}}$`), one.purl);
    }
    // "Every bom-ref must be unique within the BOM", and no dependency is dangling.
    const refs = new Set(all.map((one) => one['bom-ref']));
    assert.equal(refs.size, all.length);
    assert.deepEqual(bom.dependencies.map(({ ref }) => ref).sort(), [...refs].sort());
    for (const { dependsOn } of bom.dependencies) {
      assert.equal(new Set(dependsOn).size, dependsOn.length);
      assert.deepEqual(
        dependsOn.filter((ref) => !refs.has(ref)),
        [],
      );
    }
    // Every shipped component is needed by another.
    const reached = new Set([bom.metadata.component['bom-ref']]);
    for (const ref of reached)
      for (const next of bom.dependencies.find((one) => one.ref === ref)!.dependsOn) reached.add(next);
    assert.deepEqual(
      [...refs].filter((ref) => !reached.has(ref)),
      [],
    );
  });

  test('is valid by the CycloneDX schema, with the Node of the Debian package and without', () => {
    const schema = (name: string): object =>
      JSON.parse(
        readFileSync(
          join(root, `node_modules/@cyclonedx/cyclonedx-library/res/schema/${name}.SNAPSHOT.schema.json`),
          'utf8',
        ),
      ) as object;
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs'])
      ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
    const valid = ajv.compile(schema('bom-1.6'));
    const faults = (document: unknown): string[] =>
      valid(document) ? [] : valid.errors!.map(({ instancePath, message }) => `${instancePath} ${message}`);
    assert.deepEqual(faults(bom), []);
    const withNode = billOf(nodeComponent());
    assert.deepEqual(faults(withNode), []);
    const node = withNode.components.find(({ name }) => name === 'node')!;
    assert.equal(node.version, process.versions.node);
    const own = withNode.metadata.component['bom-ref'];
    assert.ok(withNode.dependencies.find(({ ref }) => ref === own)!.dependsOn.includes(node['bom-ref']));
    // The validator does find errors.
    assert.notDeepEqual(faults({ ...bom, components: [{ ...bom.components[0], type: 'package' }] }), []);
    assert.notDeepEqual(
      faults({ ...bom, components: [{ ...bom.components[0], licenses: [{ license: { id: 'M.I.T.' } }] }] }),
      [],
    );
  });

  test('has the hashes of the lock file', () => {
    const { hashes } = bom.components.find(({ name }) => name === 'fastify')!;
    assert.equal(
      `sha512-${Buffer.from(hashes[0]!.content, 'hex').toString('base64')}`,
      lock.packages['node_modules/fastify']!.integrity,
    );
  });

  test('is byte for byte the same for the same lock file', async () => {
    await run(process.execPath, [join(root, 'tools/sbom.ts'), join(dir, 'b.json')], root);
    assert.equal(readFileSync(join(dir, 'b.json'), 'utf8'), text);
  });
});
