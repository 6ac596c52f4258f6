/**
 * The same servers, asked by nmap's scripts and by the audit: the table in docs/how-to/audit-my-server.md.
 * `node test/audit/agreement.ts` writes it anew.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Canary } from '../../src/audit/canary.ts';
import { openProxyApache, plainApache } from '../support/apache.ts';
import { type AuditedPort, auditPort } from '../support/audit-port.ts';
import { runGateway } from '../support/gateway.ts';
import { nameServer } from '../support/name-server.ts';
import { carelessNginx, plainNginx } from '../support/nginx.ts';
import { nmap } from '../support/nmap.ts';
import { openDante, openMicrosocks, openSquid, openTinyproxy } from '../support/open-proxies.ts';
import type { Owner } from '../support/owner.ts';
import { plainCaddy, plainHaproxy } from '../support/plain-servers.ts';
import { defaultPostfix, openRelayPostfix, startPostfix } from '../support/postfix.ts';

export const page = resolve(import.meta.dirname, '../../docs/how-to/audit-my-server.md');

/** What {@link agreementTable} starts. */
export const peers = [
  ...[
    'apache2',
    'nginx',
    'squid',
    'tinyproxy',
    'microsocks',
    'danted',
    'postfix',
    'haproxy',
    'caddy',
    'nmap',
  ],
];

type Start = (owner: Owner) => Promise<{ readonly port: number }>;

const web: readonly (readonly [string, Start])[] = [
  ['Apache, `ProxyRequests On`', openProxyApache],
  ['nginx, `proxy_pass http://$http_host`', carelessNginx],
  ['squid, `http_access allow all`', openSquid],
  ['tinyproxy without `Allow`', openTinyproxy],
  ['microsocks without a user', openMicrosocks],
  ['dante, `socks pass` to all', openDante],
  ['Apache', plainApache],
  ['nginx', plainNginx],
  ['HAProxy', async (owner) => plainHaproxy(owner, await plainNginx(owner))],
  ['Caddy', plainCaddy],
  [
    'Sekisho',
    (owner) =>
      runGateway(
        owner,
        'sites: [{ hosts: [localhost, 127.0.0.1], backend: welcome }]\nbans: false\nrateLimit: false\n',
      ),
  ],
];

const mail: readonly (readonly [string, Start])[] = [
  ['Postfix, `mynetworks = 0.0.0.0/0`', openRelayPostfix],
  [
    'Postfix that takes any mailbox of its domain',
    (owner) => startPostfix(owner, { config: ['mynetworks = 192.0.2.1/32', 'local_recipient_maps ='] }),
  ],
  ['Postfix', defaultPostfix],
];

/** Runs everything: about a minute. @throws where port 80 of a loopback address may not be listened on */
export async function agreementTable(owner: Owner): Promise<string> {
  // nmap's CONNECT and SOCKS tests always go to port 80 of the host of their URL.
  const host = `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;
  const canary = await Canary.open({ listen: host, port: 80 });
  owner.after(() => canary.close());
  // Its SOCKS tests look up even what is an address already.
  await nameServer(owner, host, host);
  const lines = [
    '| server | `http-open-proxy` | `socks-open-proxy` | `sekisho audit` |',
    '|---|---|---|---|',
  ];
  // nmap waits long for servers that say nothing, so several are asked at a time. The audits go one by one: each wants
  // port 25 for its canary.
  let last: Promise<unknown> = Promise.resolve();
  const auditInTurn = (port: number): Promise<AuditedPort> => {
    const next = last.then(async () => {
      const audited = await auditPort(owner, port);
      if (audited.findings.length === 0) throw new Error(`nothing was tried: ${audited.notes.join()}`);
      return audited;
    });
    last = next.catch(() => {});
    return next;
  };
  lines.push(
    ...(await rowsOf(web, (port) =>
      Promise.all([
        script(port, 'http-open-proxy', host).then(httpCell),
        script(port, 'socks-open-proxy', host).then(socksCell),
        auditInTurn(port).then(auditCell),
      ]),
    )),
    ...['', '| mail server | `smtp-open-relay` | `sekisho audit` |', '|---|---|---|'],
    ...(await rowsOf(mail, (port) =>
      Promise.all([
        script(port, 'smtp-open-relay', host).then(mailCell),
        auditInTurn(port).then(mailAuditCell),
      ]),
    )),
  );
  return lines.join('\n');
}

/** A row a server, four servers at a time. */
async function rowsOf(
  servers: readonly (readonly [string, Start])[],
  ask: (port: number) => Promise<string[]>,
): Promise<string[]> {
  const rows: string[] = [];
  const waiting = [...servers.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, [name, start]] = next;
      const stops: (() => unknown)[] = [];
      try {
        const { port } = await start({ after: (stop) => void stops.push(stop) });
        rows[index] = `| ${name} | ${(await ask(port)).join(' | ')} |`;
      } finally {
        for (const stop of stops.reverse()) await stop();
      }
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  return rows;
}

async function script(port: number, name: string, host: string): Promise<string> {
  const { scripts } = await nmap({
    port,
    script: name,
    nameServer: host,
    args: name === 'smtp-open-relay' ? {} : { 'proxy.url': `http://${host}/`, 'proxy.pattern': 'canary' },
  });
  return scripts.get(name) ?? '';
}

const httpCell = (output: string): string => {
  const methods = /Methods supported:\s*([A-Z ]+)/.exec(output)?.[1]?.trim().replace('CONNECTION', 'CONNECT');
  return methods === undefined ? '–' : `open: ${methods.split(/ +/).join(', ')}`;
};

const socksCell = (output: string): string =>
  /status: open/.test(output) ? `open: ${[...output.matchAll(/socks[45]/g)].join(', ')}` : '–';

const mailCell = (output: string): string => {
  const passed = /open relay \((\d+\/\d+) tests\)/.exec(output)?.[1];
  return passed === undefined ? '–' : `open: ${passed} tests`;
};

/** tinyproxy answers this one now from the canary, now with "you tried to connect to the machine the proxy is running on". */
const byChance = 'connect/itself';

const auditCell = (audited: AuditedPort): string => {
  const findings = audited.findings.filter(({ technique }) => technique !== byChance);
  const relays = audited.relays.filter((technique) => technique !== byChance);
  const rules = new Set(relays.map((technique) => technique.split('/')[0]!));
  const told = ['absolute-form-foreign', 'host-foreign', 'connect', 'socks4', 'socks5'];
  const names = told.filter((rule) => rules.has(rule)).map((rule) => `\`${rule}\``);
  return relays.length === 0 ? '–' : `relays: ${names.join(', ')} (${relays.length}/${findings.length})`;
};

const mailAuditCell = ({ findings, relays }: AuditedPort): string => {
  const unclear = findings.filter(({ result }) => result === 'unclear').length;
  if (relays.length > 0) return `relays: ${relays.length}/${findings.length}`;
  return unclear > 0 ? `unclear: ${unclear}/${findings.length}` : '–';
};

const [start, end] = ['<!-- agreement -->', '<!-- /agreement -->'];

/** What stands in the page. */
export function tableInPage(): string {
  const text = readFileSync(page, 'utf8');
  return text.slice(text.indexOf(start) + start.length, text.indexOf(end)).trim();
}

if (import.meta.main) {
  const stops: (() => unknown)[] = [];
  const table = await agreementTable({ after: (stop) => void stops.push(stop) });
  for (const stop of stops.reverse()) await stop();
  const text = readFileSync(page, 'utf8');
  const [before, after] = [text.slice(0, text.indexOf(start) + start.length), text.slice(text.indexOf(end))];
  writeFileSync(page, `${before}\n${table}\n${after}`);
  console.log(table);
}
