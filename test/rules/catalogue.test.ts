import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  byCatalogueOrder,
  catalogue,
  presetAction,
  presets,
  type Rule,
  ruleIds,
} from '../../src/rules/catalogue.ts';

suite('the catalogue', () => {
  for (const id of ruleIds) {
    const rule: Rule = catalogue[id];
    test(`${id}: a complete row`, () => {
      assert.match(id, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
      assert.ok(rule.title.length > 5 || id === 'connect', rule.title);
      assert.ok(rule.seeks.length > 5 && !rule.seeks.endsWith('.'), rule.seeks);
      assert.ok(rule.reference.length > 5);
      // A refused probe never looks like a success, whatever a row says.
      assert.ok(rule.answer === 'drop' || (rule.answer >= 400 && rule.answer <= 599), String(rule.answer));
    });

    test(`${id}: in the presets`, () => {
      assert.equal(presetAction('default', id), rule.action);
      assert.equal(presetAction('strict', id), 'block');
      assert.equal(presetAction('lenient', id), rule.lenient ?? rule.action);
      assert.equal(presetAction('observe', id), rule.forwardable ? 'flag' : 'block');
      // Sightings that may be legitimate.
      assert.equal(presetAction('default', id, true), rule.doubtful ?? rule.action);
      assert.equal(presetAction('strict', id, true), 'block');
    });

    test(`${id}: what cannot be passed on without relaying is blocked in every preset`, () => {
      if (rule.forwardable) return;
      for (const preset of presets) assert.equal(presetAction(preset, id), 'block', preset);
    });
  }

  test('no flagged rule counts towards a ban, except path-proxy', () => {
    for (const id of ruleIds) {
      const rule: Rule = catalogue[id];
      if (rule.action === 'flag') assert.equal(rule.bans, rule.flagCounts === true, id);
      assert.equal(rule.flagCounts === true, id === 'path-proxy', id);
    }
  });

  test('crawlers that try TLS on a plain port are never banned for it', () =>
    assert.equal((catalogue['tls-on-plaintext'] as Rule).bans, false));

  const withFlag = (flag: 'bans' | 'forwardable'): string =>
    ruleIds.filter((id) => (catalogue[id] as Rule)[flag]).join(' ');

  // A rule that moves into or out of one of these lists changes who is banned, or what observe lets through.
  test('these rules count towards a ban, and no others', () =>
    assert.equal(
      withFlag('bans'),
      'socks4 socks5 smtp-on-http proxy-protocol h2-preface not-http connect extended-connect absolute-form-scheme absolute-form-userinfo absolute-form-foreign absolute-form-port absolute-form-host-mismatch framing method-unknown target-malformed host-duplicate host-malformed host-missing host-foreign host-port authority-mismatch trace proxy-authorization proxy-connection connection-strips path-proxy smtp-foreign-recipient smtp-source-route smtp-percent-hack smtp-bang-path smtp-quoted-route smtp-auth-failed',
    ));

  test('these rules let a request pass without relaying, and no others', () =>
    assert.equal(
      withFlag('forwardable'),
      'absolute-form-foreign absolute-form-port absolute-form-host-mismatch host-missing host-foreign host-port proxy-authorization proxy-connection upgrade-unknown host-override sni-foreign url-in-path path-proxy smtp-own-sender',
    ));

  test('its order is total', () => {
    assert.deepEqual([...ruleIds].reverse().sort(byCatalogueOrder), ruleIds);
    assert.equal(ruleIds[0], 'client-banned');
  });
});
