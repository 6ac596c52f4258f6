/** The Kubernetes manifest: valid by the types of its API, and consistent in itself. */
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/config/load.ts';
import { root } from '../support/gateway-process.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const text = readFileSync(join(root, 'config/examples/kubernetes/sekisho.yaml'), 'utf8');
const documents = parseAllDocuments(text).map((document) => {
  assert.deepEqual(document.errors, []);
  return document.toJS();
});
const of = (kind: string) => documents.find((one) => one.kind === kind);

/** The module with the types of an API group. */
const modules: Readonly<Record<string, string>> = {
  v1: 'core/v1',
  'apps/v1': 'apps/v1',
  'networking.k8s.io/v1': 'networking/v1',
};

/** Type-checks the documents as API objects: unknown fields, wrong types, missing fields. */
async function typeFaults(
  t: Parameters<typeof tempDir>[0],
  manifest: readonly { apiVersion: string; kind: string }[],
) {
  const folder = await tempDir(t, 'kubernetes');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const file = join(folder, 'manifest.ts');
  const lines = manifest.map(({ apiVersion, kind, ...rest }, index) => {
    const value = JSON.stringify({ apiVersion, kind, ...rest });
    return `import type { ${kind} as T${index} } from 'kubernetes-types/${modules[apiVersion]}';\nexport const d${index}: T${index} = ${value};\n`;
  });
  writeFileSync(file, lines.join(''));
  const { stdout } = await runProcess(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    ...[
      '--ignoreConfig',
      '--noEmit',
      '--strict',
      '--skipLibCheck',
      '--module',
      'nodenext',
      '--types',
      '',
      file,
    ],
  ]);
  return stdout;
}

suite('the Kubernetes manifest', () => {
  test('is valid by the types of the API', async (t) => {
    assert.equal(await typeFaults(t, documents), '');
    const wrong = structuredClone(documents);
    wrong[1].spec.template.spec.containers[0].livenessprobe = {};
    wrong[2].spec.ports[0].port = 'http';
    const faults = await typeFaults(t, wrong);
    assert.match(faults, /livenessprobe/);
    assert.match(faults, /'string' is not assignable to type 'number'/);
  });

  test('has a valid config, mounted where the program looks for it', () => {
    const { spec } = of('Deployment').spec.template;
    const [container] = spec.containers;
    const config = parseConfig(of('ConfigMap').data['sekisho.yaml'], '.');
    assert.equal(container.ports[0].containerPort, config.listen[0]!.port);
    assert.equal(container.args[2], `${container.volumeMounts[0].mountPath}/sekisho.yaml`);
    assert.equal(spec.volumes[0].configMap.name, of('ConfigMap').metadata.name);
    // The path of the program and the health check are those of the image.
    const image = readFileSync(join(root, 'Dockerfile'), 'utf8');
    assert.ok(image.includes(container.livenessProbe.exec.command[2]));
    assert.ok(image.includes(JSON.stringify(container.args).slice(1, -1).replaceAll(',', ', ')));
  });

  test('uses one selector, and no traffic bypasses the gateway', () => {
    const label = of('Deployment').spec.template.metadata.labels;
    assert.deepEqual(of('Deployment').spec.selector.matchLabels, label);
    assert.deepEqual(of('Service').spec.selector, label);
    const [web, egress] = documents.filter(({ kind }) => kind === 'NetworkPolicy');
    assert.deepEqual(web.spec.ingress[0].from[0].podSelector.matchLabels, label);
    assert.deepEqual(egress.spec.podSelector.matchLabels, label);
    assert.deepEqual(egress.spec.egress[0].to[0].podSelector, web.spec.podSelector);
    const { securityContext } = of('Deployment').spec.template.spec.containers[0];
    assert.deepEqual(securityContext.capabilities.drop, ['ALL']);
    assert.equal(securityContext.readOnlyRootFilesystem, true);
  });
});
