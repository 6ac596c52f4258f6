/** The metrics page, from a scrape of a running gateway. */
import { generatedNote } from './note.ts';
import { described } from './running.ts';
import { table } from './table.ts';

const intro = `# Metrics

\`GET /metrics\` on the admin listener, with \`Authorization: Bearer TOKEN\`, in the Prometheus text format.
[Watch a checkpoint](../how-to/watch.md#metrics-and-traces) has a scrape config, alert rules and a Grafana dashboard. Labels come from the
config and the [rules](rules.md), never from a client, so clients cannot inflate their number.
`;

const rest = `
There are also process metrics: \`process_…\` (processor, memory, open files) and \`nodejs_…\` (event loop, heap, garbage
collection). Each histogram has \`_bucket\` with the label \`le\`, \`_sum\` and \`_count\`.
`;

export async function metricsPage(): Promise<string> {
  const { metrics } = await described();
  const rows = [...metrics.matchAll(/^# HELP (sekisho_\w+) (.*)\n# TYPE \1 (\w+)$/gm)].map(
    ([, name, help, type]) => [`\`${name}\``, type!, labelsOf(metrics, name!), help!],
  );
  if (rows.length === 0) throw new Error(`no metrics of ours in\n${metrics}`);
  return [
    generatedNote('a running gateway'),
    intro,
    ...table(['Name', 'Type', 'Labels', ''], rows),
    rest,
  ].join('\n');
}

function labelsOf(metrics: string, name: string): string {
  const labels = new Set<string>();
  for (const [, list] of metrics.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} `, 'gm')))
    for (const [, label] of list!.matchAll(/(\w+)="/g)) if (label !== 'le') labels.add(`\`${label}\``);
  return [...labels].join(', ');
}
