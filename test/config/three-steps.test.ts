/** Text → document → config: each step works alone, and the plugins enter at the second. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { suite, test } from 'node:test';
import { compileBans } from '../../src/config/ban-options.ts';
import { checkDocument } from '../../src/config/checked-document.ts';
import { readConfigText } from '../../src/config/config-text.ts';
import { toConfig } from '../../src/config/conversion.ts';
import { ConfigError } from '../../src/config/fault.ts';
import { compileForward } from '../../src/config/forward-options.ts';
import { loadConfig } from '../../src/config/load.ts';
import { decoyOptions } from '../../src/decoys/options.ts';
import { smtpOptions } from '../../src/smtp/options.ts';

const good = `${import.meta.dirname}/good`;
const file = (name: string): string => resolve(good, name);

function faultsOf(compile: () => unknown): string[] {
  try {
    compile();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, message }) => `${path} ${message}`);
  }
  return [];
}

suite('text, document and config', () => {
  test('the three steps one by one give what loadConfig gives', () => {
    const { value, faults } = readConfigText(readFileSync(`${good}/full.yaml`, 'utf8'));
    assert.deepEqual(faults, []);
    const { document, findings } = checkDocument(value, file);
    assert.deepEqual(findings, []);
    const config = toConfig(document!, file, { decoy: decoyOptions, smtp: smtpOptions });
    assert.deepEqual(config, loadConfig(`${good}/full.yaml`));
  });

  test('checking a document does not change the value that was written', () => {
    const site = { hosts: ['www.example.net'], backend: 'welcome' };
    const written = Object.freeze({ sites: Object.freeze([Object.freeze(site)]) });
    const { document } = checkDocument(written, file);
    assert.equal(document?.sites[0]?.balance, 'round-robin');
    assert.deepEqual(written, { sites: [{ hosts: ['www.example.net'], backend: 'welcome' }] });
  });

  test('one object in two places gets the defaults of each place', () => {
    const limit = { max: 5 };
    const site = { hosts: ['www.example.net'], backend: 'welcome', rateLimit: limit };
    const { document } = checkDocument({ rateLimit: limit, sites: [site] }, file);
    assert.deepEqual(document?.rateLimit, { max: 5, timeWindow: '1m', allow: [] });
    assert.deepEqual(document?.sites[0]?.rateLimit, { max: 5, timeWindow: '1m' });
  });
});

suite('options of a plugin', () => {
  test('values that no text can hold are faults with their place, and no other error', () => {
    const after = 5n as unknown as number;
    assert.deepEqual(
      faultsOf(() => compileBans({ after })),
      ['after is something else, not a whole number'],
    );
    const cert = (() => {}) as unknown as string;
    assert.deepEqual(
      faultsOf(() => compileForward({ backend: 'http://127.0.0.1:1', backendTls: { ca: cert } }, '/')),
      ['backendTls.ca is something else, not text'],
    );
  });

  test('a list inside itself is a fault', () => {
    const allow: unknown[] = [];
    allow.push(allow);
    assert.deepEqual(
      faultsOf(() => compileBans({ allow: allow as string[] })),
      ['allow[0] is empty, not text'],
    );
  });

  test('a URL object stands for its text', () => {
    const backend = new URL('http://127.0.0.1:8081') as unknown as string;
    assert.deepEqual(
      faultsOf(() => compileForward({ backend }, '/')),
      [],
    );
  });
});
