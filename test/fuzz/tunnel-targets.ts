/** Tunnel destinations: the name in a TLS hello, the target in a MASQUE path. */
import { helloName } from '../../src/wire/client-hello.ts';
import { masqueTarget } from '../../src/wire/masque.ts';
import { corpus } from '../corpus/corpus.ts';
import { must, type Target } from './target.ts';

const hellos = corpus
  .filter(({ id }) => id.startsWith('tls-client-hello'))
  .map(({ bytes }) => Buffer.from(bytes, 'latin1'));
const paths = [
  '/.well-known/masque/udp/192.0.2.6/443/',
  '/.well-known/masque/udp/2001%3Adb8%3A%3A42/53/',
  '/.well-known/masque/ip/*/*/',
  '/masque?h=www.example.com&p=443',
];

export const tunnelTargets: readonly Target[] = [
  {
    name: 'client-hello',
    seeds: hellos,
    words: ['\x16\x03\x01', '\x00\x00', '\x01', '\x03\x03', '\xff\xff', '\x00\x0f', 'www.example.net'],
    run: (input) => {
      const name = helloName(input);
      must(name === null || /^[\x21-\x7e]{1,255}$/.test(name), 'the name is printable');
      must(name === null || input.length > name.length, 'the name is inside');
      return name === null ? 'none' : `name of ${Math.min(9, name.length)}`;
    },
  },
  {
    name: 'masque-path',
    seeds: paths.map((path) => Buffer.from(path, 'latin1')),
    words: ['/udp/', '/ip/', '/tcp/', '?h=', '&p=', '%3A', '%2F', '[', ']', '*', '/443/', '@', '\xff'],
    run: (input) => {
      const target = masqueTarget(input.toString('latin1'));
      if (target === null) return 'none';
      must(target.host !== '' && !/[/?@\s]/.test(target.host), 'the host is valid');
      must(target.port === null || (target.port >= 0 && target.port <= 65_535), 'the port is valid');
      return `${target.host.startsWith('[')} ${target.port === null}`;
    },
  },
];
