/** The files of config/examples/behind-apache, in a real Apache behind the real program. */
import { after, suite } from 'node:test';
import { type ApacheServer, startApache } from '../support/apache.ts';
import { freePort } from '../support/free-port.ts';
import { without } from '../support/peers.ts';
import { example } from './example.ts';
import { startInFront, testInFront } from './in-front.ts';

const folder = 'behind-apache';
const config = `${folder}/sekisho.yaml`;
const owner = { after };
const skip = without('apache2');

suite('in front of Apache, by the example', { skip }, async () => {
  if (skip !== false) return;
  const port = await freePort();
  const server: ApacheServer = await startApache(owner, {
    modules: ['remoteip', 'setenvif'],
    config: ({ dir }) =>
      [
        // Debian's environment file sets it for the server.
        `Define APACHE_LOG_DIR ${dir}`,
        example(`${folder}/ports.conf`, { 8081: String(port) }),
        example(`${folder}/sekisho.conf`),
        example(`${folder}/www.example.net.conf`, { 8081: String(port), '/var/www/html': `${dir}/htdocs` }),
      ].join('\n'),
  });
  const behind = { ...server, port };
  testInFront(config, behind, await startInFront(owner, config, behind));
});
