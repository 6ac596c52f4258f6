/** The Grafana dashboard and the alert rules are valid, and use only existing metrics and labels. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { parse } from 'yaml';
import { described } from '../../docs/generate/running.ts';
import { runCheckpoint } from '../support/checkpoint.ts';
import { requirePeer, without } from '../support/peers.ts';
import { runProcess } from '../support/process.ts';
import { tempDir } from '../support/temp-dir.ts';

const examples = `${import.meta.dirname}/../../config/examples`;
const rulesFile = `${examples}/prometheus/sekisho-alerts.yml`;

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat?: string;
  }[];
}

interface Grafana {
  readonly title: string;
  readonly uid: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}

const grafana = JSON.parse(readFileSync(`${examples}/grafana/sekisho.json`, 'utf8')) as Grafana;
const rules = parse(readFileSync(rulesFile, 'utf8')) as {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string;
      readonly expr: string;
      readonly annotations: { readonly summary: string };
    }[];
  }[];
};
/** Every query, with the legend of its result. */
const asked = [
  ...grafana.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat = '' }) => ({ where: title, expr, words: legendFormat })),
  ),
  ...rules.groups.flatMap((group) =>
    group.rules.map(({ alert, expr, annotations }) => ({ where: alert, expr, words: annotations.summary })),
  ),
];

/** Added by Prometheus to every sample. */
const scraped = ['instance', 'job'];

suite('the Grafana dashboard and the alert rules', () => {
  test('use only exported metrics and their labels', async (t) => {
    const { get } = await runCheckpoint(t, 'alerts: { syslog: "udp://127.0.0.1:9" }\n');
    const exported = new Set(
      [...(await (await get('/metrics')).text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!),
    );
    const { metrics } = await described();
    const labels = new Map<string, Set<string>>();
    for (const [, name, inside = ''] of metrics.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
      const known = labels.get(name!) ?? new Set(scraped);
      for (const [, label] of inside.matchAll(/(\w+)="/g)) known.add(label!);
      labels.set(name!, known);
    }
    assert.ok(asked.length > 20);
    for (const { where, expr, words } of asked) {
      const names = [...expr.matchAll(/\b(?:sekisho|nodejs)_\w+/g)].map(([name]) => name);
      for (const name of names) assert.ok(exported.has(name.replace(/_bucket$/, '')), `${where}: ${name}`);
      const of = new Set(names.flatMap((name) => [...(labels.get(name) ?? scraped)]));
      const used = [
        ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(/,\s*/)),
        ...[...expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!),
        ...[...words.matchAll(/\$labels\.(\w+)|\{\{(\w+)\}\}/g)].map(([, one, other]) => (one ?? other)!),
      ];
      if (names.length > 0)
        for (const label of used)
          assert.ok(of.has(label), `${where}: ${label} is no label of ${names.join(', ')}`);
      // A legend or annotation cannot use a label that the expression has summed away.
      const by = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/);
      for (const [, one, other] of words.matchAll(/\$labels\.(\w+)|\{\{(\w+)\}\}/g))
        if (by !== undefined) assert.ok(by.includes((one ?? other)!), `${where}: ${words}`);
    }
  });

  test('the dashboard can be imported: panels do not overlap, and use only its data sources and variables', () => {
    const { title, uid, schemaVersion, templating, panels } = grafana;
    assert.ok(title && uid && uid.length <= 40 && schemaVersion >= 36);
    const variables = new Set(templating.list.map(({ name }) => name));
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { type, title: name, datasource, gridPos, targets } of panels) {
      assert.ok(type && name && targets.length > 0, name);
      assert.deepEqual(datasource, { type: 'prometheus', uid: `\${datasource}` });
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, name);
      for (const { expr } of targets)
        for (const [, variable] of expr.matchAll(/\$(\w+)/g))
          assert.ok(variables.has(variable!) || variable!.startsWith('__'), `${name}: $${variable}`);
      const { x, y, w, h } = gridPos;
      assert.ok(x >= 0 && x + w <= 24, name);
      for (let column = x; column < x + w; column++)
        for (let line = y; line < y + h; line++) {
          assert.ok(!taken.has(`${column} ${line}`), `${name} overlaps another panel`);
          taken.add(`${column} ${line}`);
        }
    }
  });

  test('promtool accepts the rules and the scrape config', { skip: without('promtool') }, async () => {
    for (const args of [
      ['check', 'rules', rulesFile],
      ['check', 'config', '--syntax-only', `${examples}/prometheus/prometheus.yml`],
    ]) {
      const { code, stdout, stderr } = await runProcess(requirePeer('promtool'), args);
      assert.equal(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
    }
  });

  test('promtool reads every expression of the dashboard', { skip: without('promtool') }, async (t) => {
    const variables: Readonly<Record<string, string>> = {
      $__rate_interval: '5m',
      $__range: '1h',
      $instance: '.*',
    };
    const file = join(await tempDir(t, 'promtool'), 'rules.yml');
    const written = grafana.panels.flatMap(({ targets }) =>
      targets.map(({ expr }, index) => ({
        record: `read:${index}`,
        expr: expr.replace(/\$\w+/g, (name) => variables[name] ?? name),
      })),
    );
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'grafana', rules: written }] }));
    const { code, stdout, stderr } = await runProcess(requirePeer('promtool'), [
      'check',
      'rules',
      '--lint=none',
      file,
    ]);
    assert.equal(code, 0, `${stdout}${stderr}`);
  });
});

test('labels come from the config and the rules: senders cannot create series', async (t) => {
  const { get, probe, written } = await runCheckpoint(t, 'bans: false\nrateLimit: false\n');
  const series = async () =>
    (await (await get('/metrics')).text())
      .split('\n')
      .filter((line) => line.startsWith('sekisho_'))
      .map((line) => line.replace(/ \S+$/, ''))
      .sort();
  const send = async (index: number) => {
    const host = `host${index}.example.com`;
    const from = `127.0.${index}.${index + 1}`;
    await probe(
      `GET http://${host}/p${index} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: a${index}\r\n\r\n`,
      from,
    );
    await probe(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`, from);
    await probe(`M${index} /p${index} HTTP/1.1\r\nHost: www.example.net:8080\r\n\r\n`, from);
    await probe(`CONNECT ${host}:${index + 1} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, from);
  };
  await send(0);
  await written(3);
  const before = await series();
  for (let index = 1; index < 40; index++) await send(index);
  await written(120);
  assert.deepEqual(await series(), before);
  assert.ok(!/host0|127\.0\.0\.1"|example\.com/.test(before.join('\n')), before.join('\n'));
});
