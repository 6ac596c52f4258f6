/** Values that need quotes are reported with their line. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ConfigError } from '../../src/config/fault.ts';
import { parseConfig } from '../../src/config/load.ts';

const site = 'sites: [{ hosts: [www.example.net], backend: welcome }]';

function faultsOf(yaml: string): string[] {
  try {
    parseConfig(yaml, '.');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ line, message, fix }) => `${line}: ${message}; ${fix}`);
  }
}

suite('a value without its quotes', () => {
  for (const [yaml, ...expected] of [
    [
      `${site}\nlisten: [::]:8080`,
      '2: holds [::]:8080 without quotes, and [ begins a list in YAML; write "[::]:8080"',
    ],
    [
      `listen: [[::]:8080, 127.0.0.1:80]\n${site}`,
      '1: holds [::]:8080 without quotes, and [ begins a list in YAML; write "[::]:8080"',
    ],
    [
      'sites:\n  - hosts:\n      - *.example.net\n      - *:8080\n    backend: welcome',
      '3: holds *.example.net without quotes, and * begins an alias in YAML; write "*.example.net"',
      '4: holds *:8080 without quotes, and * begins an alias in YAML; write "*:8080"',
    ],
    [
      'sites:\n  - hosts: *\n    backend: welcome',
      '2: holds * without quotes, and * begins an alias in YAML; put the value in quotes',
    ],
    [
      `admin: { token: @hunter2hunter2hunter2 }\n${site}`,
      '1: holds a value that begins with @ without quotes, which YAML reserves; put the value in quotes',
    ],
    [
      `admin: { token: *hunter2hunter2hunter2 }\n${site}`,
      '1: holds a value that begins with * without quotes, and * begins an alias in YAML; put the value in quotes',
    ],
    [
      `admin:\n  token: !hunter2hunter2hunter2\n${site}`,
      '2: holds a value that begins with ! without quotes, and ! begins a tag in YAML; put the value in quotes',
    ],
    [
      `admin: { token: hunter: 2hunter2hunter2 }\n${site}`,
      '1: holds a map where a value is: a value with a colon and a space in it needs quotes; put the value in quotes, or begin the map on the next line, indented',
    ],
    [
      'sites: [{ hosts: [[2001:db8::1]], backend: welcome }]',
      '1: is a list, not text; write "[2001:db8::1]", in quotes: [ begins a list in YAML',
    ],
    [
      `alerts: { telegram: { token: "1:a", chat: -100123 } }\n${site}`,
      '1: is a number, not text: without quotes YAML takes it for one; write the id of the chat in quotes, or @CHANNEL',
    ],
  ])
    test(yaml!.replace(site, '').trim(), () => assert.deepEqual(faultsOf(yaml!), expected));

  test('is reported at most twenty times, in a text of any size', () => {
    assert.equal(faultsOf(`${site}\nlisten:\n${'  - [::]:8080\n'.repeat(5000)}`).length, 20);
    assert.equal(faultsOf(`sites:\n- hosts:\n${'  - *.example.net\n'.repeat(5000)}`).length, 20);
  });

  test('is no fault if the quotes are not needed, or an anchor exists', () => {
    assert.deepEqual(faultsOf(`trustedProxies: [::1]\nbans: { allow: [2001:db8::1, "::2"] }\n${site}`), []);
    assert.deepEqual(
      faultsOf(
        'sites:\n  - hosts: [&name www.example.net]\n    backend: http://[::1]:80\n    backendTls: { servername: *name }',
      ),
      [],
    );
  });
});
