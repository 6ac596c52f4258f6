import { STATUS_CODES } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { styleText } from 'node:util';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/config.ts';
import { printable } from '../events/redact.ts';
import { type Explanation, explain, type PlacedSignal } from '../explain/explain.ts';
import { fromLogLine, looksLogged, readInput } from '../explain/input.ts';
import type { Answer } from '../rules/catalogue.ts';
import { catalogue, type Rule } from '../rules/catalogue.ts';
import type { MailPolicy } from '../rules/smtp.ts';
import { readLogged } from '../scan/logged-line.ts';
import { loadDomains } from '../smtp/domain-file.ts';
import { mailPolicy } from '../smtp/domains.ts';
import { explainSmtp, explainSmtpAnywhere, isSmtpLine, type SmtpExplanation } from '../smtp/explain.ts';
import type { SmtpOptions } from '../smtp/options.ts';
import { commandWords } from '../words/commands.ts';
import { environmentLanguage } from '../words/language.ts';
import { inputError } from './input-error.ts';
import type { Command, ExplainOptions } from './options.ts';
import { ownEvent } from './own-event.ts';
import { loadConfigOrWelcome } from './welcome-config.ts';

const { explain: words } = commandWords[environmentLanguage(process.env)];

/** `sekisho explain`: what the gateway would do with a request, and why. */
export const run: Command<ExplainOptions> = async ({ config: file, json = false }) => {
  const config = loadConfigOrWelcome(file);
  const { policy } = compile(config);
  const read = await buffer(process.stdin);
  const event = ownEvent(read);
  const given = event ?? read;
  if (given.length === 0) {
    inputError(
      'explain',
      'stdin is empty',
      "pipe a request or a log line in: printf 'GET http://www.example.com/ HTTP/1.0\\r\\n\\r\\n' | sekisho explain",
    );
    return 1;
  }
  const lines = given.toString('latin1').split(/\r?\n/);
  if (isSmtpLine(lines[0]!)) {
    const texts = lines.filter(isSmtpLine).map((line) => {
      const explanation = mailExplanation(line, config);
      return json ? `${JSON.stringify(explanation)}\n` : smtpText(explanation, line);
    });
    process.stdout.write(texts.join(json ? '' : '\n'));
    return 0;
  }
  const logged = event === null ? readLogged(given.toString('latin1'), Date.now()) : null;
  if (logged !== null && logged.entry === null) {
    inputError(
      'explain',
      `no request to judge in this line (${logged.format.title})`,
      'paste a line that has a request or a recipient: docs/reference/log-formats.md shows one per format',
    );
    return 1;
  }
  if (logged?.entry?.mail !== undefined) {
    const line = `RCPT TO:<${logged.entry.mail.recipient}>`;
    const explanation = mailExplanation(line, config);
    process.stdout.write(json ? `${JSON.stringify(explanation)}\n` : smtpText(explanation, line));
    return 0;
  }
  const text = given.toString('latin1', 0, 1000);
  if (event === null && logged === null && looksLogged(text)) {
    inputError(
      'explain',
      'this looks like a log line, but its format is unknown',
      "paste only the request: printf 'GET http://www.example.com/ HTTP/1.0\\r\\n\\r\\n' | sekisho explain",
    );
    return 1;
  }
  const host = (file === undefined ? null : logged?.entry?.host) ?? policy.defaultSite.name;
  const { bytes, note } = logged === null ? readInput(given) : fromLogLine(logged.entry!.request, host);
  const explanation = explain(bytes, policy);
  process.stdout.write(
    json
      ? `${JSON.stringify(asJson(explanation, bytes))}\n`
      : asText(explanation, bytes, event === null ? note : "read from a line of sekisho's log"),
  );
  return 0;
};

function mailExplanation(line: string, { smtp, sites }: Config): SmtpExplanation {
  if (smtp !== false) return explainSmtp(line, configuredPolicy(smtp));
  // Without a mail guard in the config, the site names serve as its mail domains.
  const names = sites.flatMap(({ hosts }) => hosts);
  const domains = names.map(({ host, kind }) => (kind === 'ipv4' ? `[${host}]` : host));
  return explainSmtpAnywhere(line, mailPolicy(domains));
}

function configuredPolicy({ domains, plainLocals }: SmtpOptions): MailPolicy {
  if (!('file' in domains)) return mailPolicy(domains, plainLocals);
  const table = loadDomains(domains.file);
  return { plainLocals, owns: (domain) => table.has(domain) };
}

function smtpText(explanation: SmtpExplanation, line: string): string {
  const { verdict, rule, answer, why, steps, destination, sentOn, evidence, intent } = explanation;
  const title = styleText(['bold', colours[verdict]], verdict.toUpperCase());
  const lines = [
    rule === null ? title : `${title}  ${rule}${answer === null ? '' : ` → ${answer}`}`,
    words.why(why, rule, printable(destination ?? '')),
  ];
  if (intent !== null) lines.push(words.intent(intent));
  const shown = printable(line);
  lines.push('', `  ${shown}`);
  if (evidence !== null) {
    const before = printable(line.slice(0, evidence.start)).length;
    const marked = printable(line.slice(evidence.start, evidence.end)).length;
    lines.push(`  ${' '.repeat(before)}${styleText(colours[verdict], '^'.repeat(Math.max(marked, 1)))}`);
  }
  if (destination !== null)
    lines.push('', `A server that follows source routes would deliver it to ${destination}.`);
  for (const [index, step] of steps.entries()) lines.push(`  ${index + 1}. ${step}`);
  if (sentOn !== null) lines.push(`Forwarded to the mail server as ${sentOn}.`);
  return `${lines.join('\n')}\n`;
}

function asJson({ verdict, signals, intent, why }: Explanation, bytes: Buffer): object {
  const { action, rule, answer, site, path, host, wanted } = verdict;
  return {
    verdict: action,
    rule,
    signals: signals.map(({ rule, action, what, evidence, offset, length }) => ({
      rule,
      action,
      what,
      evidence: {
        ...evidence,
        offset,
        length,
        text: printable(bytes.toString('latin1', offset, offset + Math.min(length, 256))),
      },
    })),
    intent,
    answer,
    why,
    destination: wanted === null || wanted.text === '' ? null : printable(wanted.text),
    forward: action === 'block' ? null : { site: site?.name, target: path, host },
  };
}

const colours = { block: 'red', flag: 'yellow', allow: 'green' } as const;

function asText({ verdict, signals, intent, why }: Explanation, bytes: Buffer, note: string | null): string {
  const { action, rule, answer, wanted } = verdict;
  const title = styleText(['bold', colours[action]], action.toUpperCase());
  const lines = [
    rule === null ? title : `${title}  ${rule}${answer === null ? '' : ` → ${answerText(answer)}`}`,
    words.why(why, rule, printable(wanted?.text ?? '')),
  ];
  if (intent !== null) lines.push(words.intent(intent));
  for (const signal of signals) lines.push('', ...signalLines(signal, bytes));
  if (rule !== null && verdict.action === 'flag')
    lines.push('', words.passedOn(verdict.site?.name ?? '', verdict.path ?? ''));
  if (note !== null) lines.push('', `(${note})`);
  return `${lines.join('\n')}\n`;
}

const answerText = (answer: Answer): string =>
  answer === 'drop' ? 'closed without a byte' : `${answer} ${STATUS_CODES[answer] ?? ''}`;

/** The line of the request with the offending bytes marked below it, and the rule that they match. */
function signalLines(signal: PlacedSignal, bytes: Buffer): string[] {
  const { rule, offset, length, what, action } = signal;
  const from = bytes.lastIndexOf('\n', Math.max(offset - 1, 0)) + 1;
  const end = bytes.indexOf('\n', offset);
  const line = bytes.toString('latin1', from, end === -1 ? bytes.length : end).replace(/\r$/, '');
  const shown = (text: string): string => printable(text);
  const before = shown(line.slice(0, offset - from)).slice(-60);
  const marked = shown(line.slice(offset - from, offset - from + length)).slice(0, 80);
  const after = shown(line.slice(offset - from + length)).slice(0, 40);
  const { title, reference } = catalogue[rule] as Rule;
  return [
    `  ${before}${styleText(colours[action], marked)}${after}`,
    `  ${' '.repeat(before.length)}${styleText(colours[action], '^'.repeat(Math.max(marked.length, 1)))} ${what}`,
    `  ${styleText('bold', rule)} (${action}): ${words.title(rule, title)}`,
    `  ${styleText('dim', reference)}`,
  ];
}
