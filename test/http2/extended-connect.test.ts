/** Tunnels by extended CONNECT (RFC 8441): MASQUE over UDP, IP and TCP, and anything else but WebSocket. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProbeEvent } from '../../src/events/event.ts';
import { recordingBackend } from '../support/recording-backend.ts';
import { host, http2Gateway } from './http2-gateway.ts';
import { headers, RawHttp2 } from './raw-http2.ts';

const owner = { after };
const backend = await recordingBackend(owner);
const gateway = await http2Gateway(owner, backend.url);

async function asked(
  protocol: string,
  path: string,
  authority = host,
): Promise<{ fate: string; event: ProbeEvent | undefined }> {
  const before = gateway.events.length;
  const client = await RawHttp2.open(gateway.port);
  owner.after(() => client.destroy());
  const fields = [':method', 'CONNECT', ':protocol', protocol, ':scheme', 'https', ':path', path];
  client.send(headers(1, [...fields, ':authority', authority, 'capsule-protocol', '?1'], true));
  const fate = await client.fate(1);
  for (let i = 0; i < 2000 && gateway.events.length === before; i++) await delay(10);
  client.destroy();
  return { fate, event: gateway.events[before] };
}

const rows = [
  ['connect-udp', '/.well-known/masque/udp/198.51.100.53/53/', 'udp-relay', '198.51.100.53:53'],
  ['connect-udp', '/masque?h=www.example.com&p=443', 'udp-relay', 'www.example.com:443'],
  ['connect-ip', '/.well-known/masque/ip/*/*/', 'vpn-relay', '/.well-known/masque/ip/*/*/'],
  ['connect-ip', '/.well-known/masque/ip/www.example.com/17/', 'vpn-relay', 'www.example.com'],
  ['connect-tcp', '/.well-known/masque/tcp/mail.example.com/25/', 'mail-relay', 'mail.example.com:25'],
  ['connect-tcp', '/.well-known/masque/tcp/169.254.169.254/80/', 'metadata', '169.254.169.254:80'],
  ['webtransport', '/wt', 'web', '/wt'],
  ['connect-udp-bind', '/.well-known/masque/udp/*/*/', 'udp-relay', '/.well-known/masque/udp/*/*/'],
] as const;

suite('extended CONNECT', () => {
  for (const [protocol, path, intent, destination] of rows) {
    test(`for ${protocol} to ${path} is refused, recorded, and counts`, async () => {
      const { fate, event } = await asked(protocol, path);
      assert.equal(fate, '405');
      assert.deepEqual(
        [event?.rule, event?.action, event?.intent, event?.destination, event?.counts],
        ['extended-connect', 'block', intent, destination, true],
      );
    });
  }

  test('to a foreign authority is refused too', async () => {
    const { fate, event } = await asked(
      'connect-udp',
      '/.well-known/masque/udp/192.0.2.6/443/',
      'proxy.example.com',
    );
    assert.equal(fate, '405');
    assert.equal(event?.rule, 'extended-connect');
    assert.equal(event?.destination, '192.0.2.6:443');
  });

  test('for a WebSocket whose target is not a path reaches no backend', async () => {
    const { fate, event } = await asked('websocket', 'http://www.example.com/');
    assert.notEqual(fate, '200');
    assert.ok(event?.rules.includes('absolute-form-foreign'));
    const fragment = await asked('websocket', '/a#b');
    assert.ok(fragment.event?.rules.includes('target-malformed'));
    assert.deepEqual(backend.requests, []);
  });
});
