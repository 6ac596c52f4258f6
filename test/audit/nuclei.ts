/**
 * What nuclei's open-proxy templates would report: the requests and matchers of `http/misconfiguration/proxy/`, rewritten, since
 * Debian has no nuclei package. A stand-in replaces their destinations on the internet and on 127.0.0.1.
 */
import { randomBytes } from 'node:crypto';
import { exchange } from '../support/raw-client.ts';
import type { StandIn } from './stand-in.ts';

/** Timeout in milliseconds; nuclei's default is ten seconds, but a relay on loopback needs less. */
const patience = 2_000;

/** Ids of the templates that match. */
export async function nucleiProxyTemplates(port: number, standIn: StandIn): Promise<string[]> {
  const { host } = standIn;
  const ask = async (target: string, named: string): Promise<string> => {
    const bytes = `GET ${target} HTTP/1.1\r\nHost: ${named}\r\n\r\n`;
    const { text } = await exchange(port, bytes, { timeout: patience, until: 1 }).catch(() => ({ text: '' }));
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  };
  const path = `/${randomBytes(8).toString('hex')}`;
  const [nowhere, at80, at25] = await Promise.all([
    ask('http://somethingthatdoesnotexist/', 'somethingthatdoesnotexist'),
    ask(`http://${host}/`, host),
    // The template puts the port into the target only, not into the Host.
    ask(`http://${host}:25`, host),
    ask(`http://${host}${path}`, host),
  ]);
  // Last: a proxy that goes by the Host calls itself until it runs out of connections.
  const own = await ask('/', `127.0.0.1:${port}`);
  const words = [
    'It works',
    '503 Service Unavailable',
    'default welcome page',
    'IIS Windows Server',
    'Welcome to IIS',
  ];
  const only = (word: string, found: string): boolean =>
    !own.includes(word) && !nowhere.includes(word) && found.includes(word);
  return [
    ...(standIn.wasAsked(path) ? ['`open-proxy-interactsh`'] : []),
    ...(words.some((word) => only(word, at80)) ? ['`open-proxy-localhost`'] : []),
    ...(/smtp/i.test(at25) && !/smtp/i.test(own) && !/smtp/i.test(nowhere) ? ['`open-proxy-portscan`'] : []),
  ];
}
