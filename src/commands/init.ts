import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { ConfigError } from '../config/fault.ts';
import { parseConfig } from '../config/load.ts';
import { type FoundListen, type FoundServer, findServers, movedLine } from '../init/found-server.ts';
import { type Answers, type Https, newConfig } from '../init/new-config.ts';
import { faultLines } from './fault-lines.ts';
import type { Command, InitOptions } from './options.ts';

/** The port that the web server moves to, so that Sekisho can take over port 80. */
const movedPort = 8081;

/** The terms of Let's Encrypt. */
const terms = 'https://letsencrypt.org/repository/';

/** `sekisho init`: asks three questions, or takes flags, and writes a commented config for the web server on this machine. */
export const run: Command<InitOptions> = async (options) => {
  const { output = 'sekisho.yaml', force = false, etc } = options;
  if (existsSync(output) && !force) {
    process.stderr.write(
      `${output} already exists\n  fix: name another file with --output, or overwrite it with --force\n`,
    );
    return 1;
  }
  if (options.acme !== undefined && options.agreeTerms !== true) {
    process.stderr.write(
      `--acme orders from Let's Encrypt, under its terms\n  fix: read them (${terms}) and add --agree-terms\n`,
    );
    return 2;
  }
  const servers = findServers(etc);
  const answers = await ask(options, servers);
  if (answers === null) return 2;
  const text = newConfig(answers);
  try {
    parseConfig(text, '.', { name: output });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const fault of error.faults) process.stderr.write(`${faultLines(output, fault)}\n`);
    process.stderr.write('nothing was written\n');
    return 1;
  }
  // Not world-readable: the owner may add a token to the file.
  writeFileSync(output, text, { mode: 0o640 });
  process.stdout.write(`${output} is written.\n\n${nextSteps(output, answers, servers)}`);
  process.stderr.write(bypasses(answers, servers));
  return 0;
};

interface Question {
  readonly text: string;
  readonly flag: string;
  readonly given: string | undefined;
  readonly offered: string;
}

async function ask(
  { host = [], backend, listen, acme }: InitOptions,
  servers: readonly FoundServer[],
): Promise<Answers | null> {
  const known = [...new Set(servers.flatMap(({ names }) => names))].join(' ');
  const questions: readonly Question[] = [
    {
      text: 'Which names do visitors use for your server?',
      flag: '--host',
      given: host.length > 0 ? host.join(' ') : undefined,
      offered: known,
    },
    {
      text: 'Where will your web server listen?',
      flag: '--backend',
      given: backend,
      offered: `http://127.0.0.1:${movedPort}`,
    },
    { text: 'Where do visitors connect?', flag: '--listen', given: listen, offered: '0.0.0.0:80' },
  ];
  const answers: string[] = [];
  let email = acme;
  // With --host no question is asked: the defaults of the other two suit nearly everyone.
  const silent = questions[0]!.given !== undefined;
  const reader = silent ? null : createInterface({ input: process.stdin, terminal: false });
  const lines = reader?.[Symbol.asyncIterator]();
  try {
    for (const { text, flag, given, offered } of questions) {
      if (given !== undefined || silent) {
        answers.push(given ?? offered);
        continue;
      }
      process.stdout.write(`${text}${offered === '' ? '' : ` [${offered}]`} `);
      const line = await lines!.next();
      const answer = (line.done === true ? '' : line.value.trim()) || offered;
      if (line.done === true || answer === '') {
        process.stderr.write(`\nno answer to "${text}"\n  fix: answer it, or give ${flag}\n`);
        return null;
      }
      answers.push(answer);
    }
    const at = answers.at(-1)!;
    if (lines !== undefined && email === undefined && lacksCertificates(at, servers))
      email = await askForEmail(lines);
  } finally {
    reader?.close();
  }
  const [hosts, to, at] = answers as [string, string, string];
  return {
    hosts: hosts.split(/[\s,]+/).filter((one) => one !== ''),
    backend: to,
    listen: at,
    https: httpsOf(at, servers, email),
  };
}

const portOf = (listen: string): number => Number(listen.slice(listen.lastIndexOf(':') + 1));
const called = ({ kind }: FoundServer): string => (kind === 'apache' ? 'Apache' : 'nginx');

const onHttps = (servers: readonly FoundServer[]): FoundServer[] =>
  servers.filter(({ listens }) => listens.some(({ port, open }) => port === 443 && open));

/** Takes over the certificates of a web server that speaks HTTPS on 443, if visitors connect to 80. @param email order certificates instead */
function httpsOf(listen: string, servers: readonly FoundServer[], email: string | undefined): Https | null {
  const found = onHttps(servers).flatMap(({ certificates }) => certificates);
  const certificates = email === undefined ? found : { email };
  if (portOf(listen) !== 80 || (email === undefined && found.length === 0)) return null;
  return { listen: listen.replace(/80$/, '443'), certificates };
}

/** The web server speaks HTTPS, but its certificates can't be read and so can't be taken over. */
const lacksCertificates = (listen: string, servers: readonly FoundServer[]): boolean =>
  portOf(listen) === 80 && onHttps(servers).length > 0 && httpsOf(listen, servers, undefined) === null;

/** Offers certificates from Let's Encrypt. @returns the mail address for it; undefined: declined */
async function askForEmail(lines: AsyncIterator<string>): Promise<string | undefined> {
  process.stdout.write(
    `The HTTPS certificates on this machine can't be read. Let's Encrypt issues others, under its terms (${terms}).\n` +
      'If you agree: to which address may it mail problems? [no] ',
  );
  const { value, done } = await lines.next();
  const answer = done === true ? '' : value.trim();
  return answer === '' || /^no?$/i.test(answer) ? undefined : answer;
}

/**
 * The listen line as it has to be, so that Sekisho can take the port. With HTTPS the sites on port 443 move behind Sekisho as plain HTTP.
 * The sites on port 80, which only redirect to HTTPS, get another port: behind Sekisho they would redirect visitors in a loop.
 *
 * @returns null: the line has to be removed
 */
function movedFor({ line, port }: FoundListen, https: boolean, to: string): string | null {
  if (!https) return movedLine(line, to);
  if (/^Listen\s/.test(line)) return port === 80 ? movedLine(line, to) : null;
  // HTTP/3 has no use behind Sekisho, and the line for HTTPS has moved already.
  if (/\squic\b/.test(line)) return null;
  if (port === 80) return movedLine(line, `127.0.0.1:${movedPort + 1}`);
  return movedLine(line, to)?.replace(/\s+(?:ssl|http2)\b/g, '') ?? null;
}

function nextSteps(
  output: string,
  { listen, backend, hosts, https }: Answers,
  servers: readonly FoundServer[],
): string {
  const port = portOf(listen);
  const to = /^https?:\/\/(.+?)\/?$/.exec(backend)?.[1] ?? backend;
  const steps: string[] = [];
  for (const server of servers) {
    const inTheWay = server.listens.filter(
      (one) => one.port === port || (https !== null && one.port === 443),
    );
    if (inTheWay.length === 0) continue;
    const lines = inTheWay.map((one) => {
      const now = movedFor(one, https !== null, to);
      return `     ${one.file}\n       - ${one.line}\n${now === null ? '' : `       + ${now}\n`}`;
    });
    const ports = https === null ? `port ${port}` : 'ports 80 and 443';
    const plain =
      https === null
        ? ''
        : `     Sekisho now terminates TLS${'email' in https.certificates ? '' : ', with the same certificates'}: ${server.kind === 'apache' ? 'remove SSLEngine from those virtual hosts' : 'ssl is gone from those lines'}.\n`;
    steps.push(
      `Let ${called(server)} listen on ${to} instead of ${ports}, and restart it:\n${lines.join('')}${plain}`,
    );
  }
  steps.push(`sekisho start --config ${output}\n`);
  const own = port === 80 ? hosts[0]! : `${hosts[0]}:${port}`;
  if (https !== null && 'email' in https.certificates)
    steps.push(
      `Certificates arrive within a minute if the names resolve to this machine and port 80 is reachable from the internet: see the log.\n`,
    );
  const page =
    https === null
      ? `curl -i -H 'Host: ${own}' http://127.0.0.1:${port}/`
      : `curl -i --connect-to ::127.0.0.1:443 https://${hosts[0]}/`;
  steps.push(
    `Check that it works: your own page is served, somebody else's is refused.\n` +
      `     ${page}\n` +
      `     curl -i -x http://127.0.0.1:${port} http://www.example.com/\n`,
  );
  return `Next:\n${steps.map((step, i) => `  ${i + 1}. ${step}`).join('')}`;
}

/** Warns of ports of the web server that other machines still reach directly: an open relay there stays open. */
function bypasses({ listen, https }: Answers, servers: readonly FoundServer[]): string {
  const ours = https === null ? [portOf(listen)] : [80, 443];
  const lines = servers.flatMap((server) =>
    server.listens
      .filter((one) => one.open && !ours.includes(one.port) && !one.line.startsWith('<'))
      .map(
        ({ file, line, port, secure }) =>
          `${called(server)} can still be reached without Sekisho on port ${port}${secure ? ' (HTTPS)' : ''}: ${line} in ${file}\n`,
      ),
  );
  if (lines.length === 0) return '';
  return (
    `\n${lines.join('')}  fix: let Sekisho listen there (listen: [{ address: "0.0.0.0:443", tls: { cert: FILE, key: FILE } }], or ` +
    'sekisho init --acme ADDRESS --agree-terms) and move the server to 127.0.0.1, or close the port to the network\n'
  );
}
