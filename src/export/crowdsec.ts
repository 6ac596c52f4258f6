/** CrowdSec: a parser that finds probes in the access logs of nginx and Apache, a scenario that counts them, a profile that bans. */
import { countedChecks, type LineCheck, logCoverages, neverBanned, notCounted } from './access-log.ts';
import type { TextMatch } from './check.ts';
import { headComment } from './coverage.ts';
import { exprWord, prefixWord, yamlWord } from './quoting.ts';
import type { Part, Source, Target } from './target.ts';

const coverages = logCoverages('by the profile; a CrowdSec bouncer refuses');

const scenarioName = 'sekisho/relay-probes';

export const crowdsec: Target = {
  coverages,
  parts(source) {
    const { bans, action } = source;
    const intro = [
      `Sekisho for CrowdSec 1.4 and later, in ${bans === null ? 'three' : 'four'} files, for the access logs of nginx and Apache, combined or vhost_combined.`,
      `  sekisho export crowdsec > ${paths.parser}`,
      `  sekisho export crowdsec --part rules > ${paths.rules}`,
      `  sekisho export crowdsec --part scenario > ${paths.scenario}`,
      ...(bans === null ? [] : [`  sekisho export crowdsec --part profile > ${paths.profile}`]),
      '  systemctl reload crowdsec',
      'This one passes on lines that the nginx and Apache parsers reject, such as SOCKS: it must run after them, and CrowdSec runs',
      'parsers in the order of their file names. The next one names the rule that a line matches.',
      'It counts; a bouncer refuses. Use it only where clients reach the server directly: behind a balancer the log has the',
      "balancer's address.",
    ];
    const head = headComment(intro, coverages, action);
    const parts: [Part, ...Part[]] = [
      { name: 'parser', path: paths.parser, text: `${head}\n\n${parser}` },
      { name: 'rules', path: paths.rules, text: rulesOf(source) },
      { name: 'scenario', path: paths.scenario, text: scenarioOf(source) },
    ];
    if (bans !== null) parts.push({ name: 'profile', path: paths.profile, text: profileOf(bans.for) });
    return parts;
  },
};

const paths = {
  parser: '/etc/crowdsec/parsers/s01-parse/sekisho-access-log.yaml',
  rules: '/etc/crowdsec/parsers/s02-enrich/sekisho-rules.yaml',
  scenario: '/etc/crowdsec/scenarios/sekisho-relay-probes.yaml',
  profile: '/etc/crowdsec/profiles.yaml.local',
} as const;

const other = (part: string): string => `# Sekisho for CrowdSec, the ${part}: see the top of the parser.`;

/**
 * Anchored at the start, where the server writes the address (after the virtual host, in the format vhost_combined): everything
 * that a sender writes comes later, with its quotes escaped, so no sender can get another address banned.
 */
const accessLog = (parser: 'PARSER' | 'RULES'): string[] => {
  // Pattern names are shared by all files, so each file needs its own.
  const [time, request] = [`SEKISHO_${parser}_TIME`, `SEKISHO_${parser}_REQUEST`];
  const line = `^(?:[^ "]+:[0-9]+ )?%{IP:sekisho_address} [^ ]+ .*?\\[%{${time}:sekisho_time}\\] "%{${request}:sekisho_request}" [0-9]+ `;
  return [
    `filter: ${yamlWord('evt.Parsed.program startsWith "nginx" || evt.Parsed.program startsWith "apache"')}`,
    'pattern_syntax:',
    `  ${time}: ${yamlWord('[^\\] ]+ [+-][0-9]{4}')}`,
    `  ${request}: ${yamlWord('(?:[^"\\\\]|\\\\.)+')}`,
    'grok:',
    `  pattern: ${yamlWord(line)}`,
    '  apply_on: message',
  ];
};

const parser = [
  'name: sekisho/access-log',
  'description: Access log lines without an HTTP request, such as bytes of other protocols',
  ...accessLog('PARSER'),
  'onsuccess: next_stage',
  'statics:',
  '  - meta: source_ip',
  '    expression: evt.Parsed.sekisho_address',
  '  - target: evt.StrTime',
  '    expression: evt.Parsed.sekisho_time',
  '',
].join('\n');

const request = 'evt.Parsed.sekisho_request';

/** Set by the first check that matches and tested by the others: a parser has no other way to stop. */
const rule = 'evt.Meta.sekisho_rule';

function rulesOf({ checks }: Source): string {
  const notCountedLines = [
    // A line of an error log: nodes run whether the grok matched or not.
    `${request} == ""`,
    `${request} == ${exprWord(notCounted.noRequest)}`,
    `${request} startsWith ${exprWord(notCounted.tls)}`,
    `${request} startsWith ${exprWord(notCounted.stun)}`,
  ];
  return [
    other('rules'),
    'name: sekisho/rules',
    'description: Names the Sekisho rule that a request matches',
    ...accessLog('RULES'),
    'nodes:',
    '  # Skipped: error log lines, connections without a request, and TLS or STUN on a plain port, which mostly browsers and crawlers send.',
    `  - filter: ${yamlWord(`!(${notCountedLines.join(' || ')})`)}`,
    '    nodes:',
    ...countedChecks(checks).flatMap((check) => [
      `      - filter: ${yamlWord(`${rule} == "" && ${condition(check)}`)}`,
      '        statics:',
      `          - { meta: sekisho_rule, value: ${check.rule} }`,
      `          - { meta: sekisho_request, expression: ${request} }`,
    ]),
    '',
  ].join('\n');
}

const condition = ({ when, unless }: LineCheck): string =>
  [...when.map(matched), ...unless.map((match) => `!(${matched(match)})`)].join(' && ');

function matched({ any, exactCase = false }: TextMatch): string {
  const regex = any.length === 1 ? any[0]! : any.map((one) => `(?:${one})`).join('|');
  return `${request} matches ${exprWord(exactCase ? regex : `(?i)${regex}`)}`;
}

function scenarioOf(source: Source): string {
  const { bans } = source;
  const after = bans?.after ?? 5;
  const within = bans?.within ?? 600;
  const exempt = neverBanned(source).map(
    (prefix) => `!IpInRange(evt.Meta.source_ip, ${exprWord(prefixWord(prefix))})`,
  );
  return [
    other('scenario'),
    // CrowdSec rejects a leaky bucket of capacity zero.
    ...(after === 1 ? ['type: trigger'] : ['type: leaky']),
    `name: ${scenarioName}`,
    'description: Attempts at relaying through this server',
    `filter: ${yamlWord([`${rule} != ""`, ...exempt].join(' && '))}`,
    'groupby: evt.Meta.source_ip',
    ...(after === 1
      ? []
      : [
          `# ${after} within ${within} seconds are too many, as for the gateway. The bucket leaks one every ${within} seconds, so it also`,
          '# overflows for clients that probe slowly, which the gateway does not ban.',
          `capacity: ${after - 1}`,
          `leakspeed: ${within}s`,
        ]),
    `blackhole: ${bans?.for[0] ?? 600}s`,
    'labels:',
    '  service: http',
    '  type: scan',
    `  remediation: ${bans !== null}`,
    '',
  ].join('\n');
}

/** Profiles in the `.local` file run before those in profiles.yaml. */
function profileOf(lengths: readonly number[]): string {
  const [first = 600, ...more] = lengths;
  const last = more.at(-1);
  const steps = lengths
    .slice(0, -1)
    .map((length, index) => `GetDecisionsCount(Alert.GetValue()) == ${index} ? "${length}s" : `);
  return [
    other('profile'),
    'name: sekisho',
    'filters:',
    `  - ${yamlWord(`Alert.Remediation == true && Alert.GetScope() == "Ip" && Alert.GetScenario() == ${exprWord(scenarioName)}`)}`,
    'decisions:',
    '  - type: ban',
    `    duration: ${first}s`,
    ...(last === undefined
      ? []
      : [
          '# Later bans are longer, by the number of earlier CrowdSec decisions about the address.',
          `duration_expr: ${yamlWord(steps.map((step) => `${step}(`).join('') + `"${last}s"` + ')'.repeat(steps.length))}`,
        ]),
    'on_success: break',
    '',
  ].join('\n');
}
