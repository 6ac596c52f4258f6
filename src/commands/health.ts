import { once } from 'node:events';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { connect } from 'node:net';
import { hostPort } from '../address/host-port.ts';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/fault.ts';
import { type ListenAddress, parseListenAddress } from '../config/listen-address.ts';
import { loadConfig } from '../config/load.ts';
import { inputError } from './input-error.ts';
import type { Command, HealthOptions } from './options.ts';

type Address = Pick<ListenAddress, 'host' | 'port'>;

/** Milliseconds for each answer. */
const patience = 2000;

/**
 * `sekisho health`: whether the gateway of a config takes requests, asked on this machine, for container engines. The admin listener
 * is asked where there is one; else each listener must accept a connection, on which nothing is sent.
 *
 * Exit code 3 where the file can't be used: it may be one that waits for a reload, and tells nothing of what runs.
 */
export const run: Command<HealthOptions> = async ({ config: file }) => {
  let config: Config;
  try {
    config = loadConfig(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    inputError('health', `${file} can't be used, so it can't be told`, `sekisho check --config ${file}`);
    return 3;
  }
  const { admin } = config;
  const asked = admin !== false && admin.listen.port !== 0 ? [admin.listen] : listenersOf(config);
  if (asked.length === 0) {
    inputError('health', 'every port is chosen by the system, so it can not be told', 'write a port');
    return 3;
  }
  const faults = await Promise.all(
    asked.map((address) =>
      admin !== false && address === admin.listen ? readiness(address, admin.tls !== null) : accepts(address),
    ),
  );
  for (const fault of faults) if (fault !== null) process.stdout.write(`${fault}\n`);
  if (faults.some((fault) => fault !== null)) return 1;
  process.stdout.write('it takes requests\n');
  return 0;
};

/** Those of the web, or else of mail, or else decoys: one kind tells whether the process is there. */
function listenersOf({ listen, sites, smtp, decoys }: Config): Address[] {
  // Without sites nothing listens there.
  const web: readonly Address[] = sites.length === 0 ? [] : listen;
  const mail = smtp === false ? [] : smtp.listen.map(({ address }) => address);
  const others = mail.length > 0 ? mail : decoys.map((decoy) => decoy.listen);
  const asked = web.length > 0 ? web : others.map((text) => parseListenAddress(text) as ListenAddress);
  return asked.filter(({ port }) => port !== 0);
}

/** One that listens everywhere is reached on the loopback. */
const reached = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);

/** @returns null: it takes connections; else what is wrong */
async function accepts({ host, port }: Address): Promise<string | null> {
  const socket = connect({ host: reached(host), port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(patience) });
    return null;
  } catch (error) {
    return `no connection to ${hostPort(reached(host), port)}: ${reasonOf(error)}`;
  } finally {
    socket.destroy();
  }
}

/** @returns null: the gateway says that it takes requests; else what is wrong */
async function readiness({ host, port }: Address, tls: boolean): Promise<string | null> {
  const url = `${tls ? 'https' : 'http'}://${hostPort(reached(host), port)}/readyz`;
  const { get } = tls ? await import('node:https') : await import('node:http');
  // It is this machine that is asked, by its address: no certificate names that.
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
