/** The files of config/examples/behind-nginx, in a real nginx behind the real program. */
import { after, suite } from 'node:test';
import { startNginx } from '../support/nginx.ts';
import { without } from '../support/peers.ts';
import { example } from './example.ts';
import { startInFront, testInFront } from './in-front.ts';

const folder = 'behind-nginx';
const config = `${folder}/sekisho.yaml`;
const owner = { after };
const skip = without('nginx');

suite('in front of nginx, by the example', { skip }, async () => {
  if (skip !== false) return;
  const server = await startNginx(owner, {
    config: ({ port, root }) =>
      [
        example(`${folder}/sekisho.conf`),
        example(`${folder}/www.example.net.conf`, { 8081: String(port), '/var/www/html': root }),
      ].join('\n'),
  });
  testInFront(config, server, await startInFront(owner, config, server));
});
