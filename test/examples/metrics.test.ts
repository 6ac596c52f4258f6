/** The Grafana dashboard and the alert rules speak of metrics that there are. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { runCheckpoint } from '../support/checkpoint.ts';

const examples = `${import.meta.dirname}/../../config/examples`;

test('Grafana dashboard and alert rules name metrics that are exported', async (t) => {
  const { get } = await runCheckpoint(t, 'alerts: { syslog: "udp://127.0.0.1:9" }\n');
  const exported = new Set(
    [...(await (await get('/metrics')).text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!),
  );
  const grafana = JSON.parse(readFileSync(`${examples}/grafana/sekisho.json`, 'utf8')) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const rules = parse(readFileSync(`${examples}/prometheus/sekisho-alerts.yml`, 'utf8')) as {
    groups: { rules: { alert: string; expr: string }[] }[];
  };
  const asked = [
    ...grafana.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr] as const)),
    ...rules.groups.flatMap((group) => group.rules.map(({ alert, expr }) => [alert, expr] as const)),
  ];
  assert.ok(asked.length > 20);
  for (const [where, expr] of asked)
    for (const [name] of expr.matchAll(/\b(?:sekisho|nodejs)_\w+/g))
      assert.ok(exported.has(name.replace(/_bucket$/, '')), `${where}: ${name}`);
});
