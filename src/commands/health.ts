import { once } from 'node:events';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { hostPort } from '../address/host-port.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/fault.ts';
import { type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { loadConfig } from '../config/load.ts';
import { dialledHost } from './dialled-host.ts';
import { inputError } from './input-error.ts';
import type { Command, HealthOptions } from './options.ts';

type Address = Pick<ListenAddress, 'host' | 'port'>;

/** Milliseconds to wait for each answer. */
const patience = 2000;

/**
 * `sekisho health`: whether the gateway of a config on this machine takes requests; for container engines. Asks the admin listener
 * if there is one; otherwise each listener must accept a connection, on which nothing is sent.
 *
 * Exit code 3 if the file can't be used: the gateway may still run with an earlier version of it, so its health is unknown.
 */
export const run: Command<HealthOptions> = async ({ config: file }) => {
  let config: Config;
  try {
    config = loadConfig(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    inputError('health', `${file} can't be used, so the health is unknown`, `sekisho check --config ${file}`);
    return 3;
  }
  const { admin } = config;
  const asked = admin !== false && admin.listen.port !== 0 ? [admin.listen] : listenersOf(config);
  if (asked.length === 0) {
    inputError('health', 'the system chooses every port, so the health is unknown', 'write a port');
    return 3;
  }
  const faults = await Promise.all(
    asked.map((address) =>
      admin !== false && address === admin.listen ? readiness(address, admin.tls !== null) : accepts(address),
    ),
  );
  for (const fault of faults) if (fault !== null) process.stdout.write(`${fault}\n`);
  if (faults.some((fault) => fault !== null)) return 1;
  process.stdout.write('the gateway takes requests\n');
  return 0;
};

/** The web listeners, else the mail listeners, else the decoys: one kind is enough to see whether the process runs. */
function listenersOf({ listen, sites, smtp, decoys }: Config): Address[] {
  // Without sites nothing listens on `listen`.
  const web: readonly Address[] = sites.length === 0 ? [] : listen;
  const mail = smtp === false ? [] : smtp.listen.map(({ address }) => address);
  const others = mail.length > 0 ? mail : decoys.map((decoy) => decoy.listen);
  const asked = web.length > 0 ? web : others.map((text) => parseListenAddress(text) as ListenAddress);
  return asked.filter(({ port }) => port !== 0);
}

/** @returns null if the port accepts connections, else what is wrong */
async function accepts({ host, port }: Address): Promise<string | null> {
  const socket = connect({ host: dialledHost(host), port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(patience) });
    return null;
  } catch (error) {
    return `no connection to ${hostPort(dialledHost(host), port)}: ${reasonOf(error)}`;
  } finally {
    socket.destroy();
  }
}

/** @returns null if the gateway reports itself ready, else what is wrong */
async function readiness({ host, port }: Address, tls: boolean): Promise<string | null> {
  const url = `${tls ? 'https' : 'http'}://${hostPort(dialledHost(host), port)}/readyz`;
  const { get } = tls ? await import('node:https') : await import('node:http');
  // The peer is this machine, reached by its address, which no certificate names.
  const request = get(url, { rejectUnauthorized: false, agent: false, timeout: patience } as RequestOptions);
  request.on('timeout', () => request.destroy(new Error(`no answer within ${patience} ms`)));
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode === 200 ? null : `${url} answers ${response.statusCode}`;
  } catch (error) {
    return `no answer from ${url}: ${reasonOf(error)}`;
  } finally {
    request.destroy();
  }
}

const reasonOf = (error: unknown): string => {
  const { code, message, name } = error as NodeJS.ErrnoException;
  return name === 'AbortError' ? `none within ${patience} ms` : (code ?? message);
};
