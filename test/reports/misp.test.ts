/** Sources as a MISP event, against the core format. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { mispEvent } from '../../src/reports/misp.ts';
import { type MispEvent, mispFaults } from './misp-schema.ts';
import { at, manifold, rowOf, sourcesOf } from './rows.ts';

const by = { org: 'Example', contact: '' };
const eventOf = (...args: Parameters<typeof mispEvent>): MispEvent => mispEvent(...args) as MispEvent;

suite('the MISP event', () => {
  test('is valid for whatever a journal holds', () => {
    for (const org of ['Example', 'gate', 'a "quoted" name\nin two lines', 'x'.repeat(300)])
      assert.equal(mispFaults(eventOf(manifold(), { ...by, org }, at)), '');
    assert.equal(mispFaults(eventOf([], by, at)), '', 'no source');
  });

  test('is unpublished, for its own organisation only, and not for intrusion detection', () => {
    const { Event } = eventOf(sourcesOf(rowOf({ count: 3 })), by, at);
    const { Attribute, uuid, Tag: _, ...rest } = Event;
    assert.deepEqual(rest, {
      ...{ info: 'Relay probes refused by Example', date: '2026-11-29', timestamp: '1795946400' },
      ...{ publish_timestamp: '0', threat_level_id: '3', analysis: '0', distribution: '0' },
      ...{ sharing_group_id: '0', published: false, attribute_count: '1' },
    });
    const [{ uuid: own, ...attribute }] = Attribute as [Record<string, unknown>];
    assert.notEqual(own, uuid);
    assert.deepEqual(attribute, {
      ...{ type: 'ip-src', category: 'Network activity', value: '203.0.113.7', to_ids: false },
      ...{ distribution: '5', sharing_group_id: '0', deleted: false, timestamp: '1795946400' },
      ...{ first_seen: '2026-11-29T10:00:00.250Z', last_seen: '2026-11-29T10:00:01.250Z' },
      comment:
        'attempts to relay through our server, refused: connect; 3 in all, the latest 2026-11-29T10:00:00.250Z, source port 40000, TCP port 3128',
    });
  });

  test('names no organisation by number: MISP refuses an event with the number of another one', () => {
    const { Event } = eventOf(sourcesOf(rowOf()), by, at);
    for (const name of ['id', 'org_id', 'orgc_id', 'Org', 'Orgc']) assert.ok(!(name in Event), name);
  });
});

suite('the check of a MISP event sees', () => {
  /** What is wrong, in the event or its attribute, and with which fields; undefined: without them. */
  const rows: readonly (readonly [
    what: string,
    part: 'Event' | 'Attribute',
    wrong: Record<string, unknown>,
  ])[] = [
    ['no uuid', 'Event', { uuid: undefined }],
    ['a uuid of version 1', 'Event', { uuid: '55f6ea5e-2c60-10e5-964f-47a8950d210f' }],
    ['no info', 'Event', { info: undefined }],
    ['info of two lines', 'Event', { info: 'one\ntwo' }],
    ['a long info', 'Event', { info: 'x'.repeat(257) }],
    ['a threat level as a number', 'Event', { threat_level_id: 3 }],
    ['a threat level that is none', 'Event', { threat_level_id: '0' }],
    ['an analysis that is none', 'Event', { analysis: '3' }],
    ['a distribution that an event cannot inherit', 'Event', { distribution: '5' }],
    ['a date with a time', 'Event', { date: '2026-11-29T10:00:00Z' }],
    ['a time as a number', 'Event', { timestamp: 1795946400 }],
    ['a time in milliseconds', 'Event', { timestamp: '1795946400250' }],
    ['no time of publication', 'Event', { publish_timestamp: undefined }],
    ['a wrong number of attributes', 'Event', { attribute_count: '7' }],
    ['a field that is none', 'Event', { title: 'x' }],
    ['a tag without a name', 'Event', { Tag: [{}] }],
    ['a type that is none', 'Attribute', { type: 'ipv4-addr' }],
    ['a category that an address cannot have', 'Attribute', { category: 'Attribution' }],
    ['a category that is none', 'Attribute', { category: 'network activity' }],
    ['a value that is no address', 'Attribute', { value: 'several' }],
    ['to_ids as text', 'Attribute', { to_ids: 'false' }],
    ['an attribute without its state', 'Attribute', { deleted: undefined }],
    ['a source last seen before it was first', 'Attribute', { last_seen: '2020-01-01T00:00:00.000Z' }],
  ];
  for (const [what, part, wrong] of rows)
    test(what, () => {
      const report = eventOf(sourcesOf(rowOf()), by, at);
      assert.equal(mispFaults(report), '');
      Object.assign(part === 'Event' ? report.Event : report.Event.Attribute[0]!, wrong);
      assert.notEqual(mispFaults(JSON.parse(JSON.stringify(report))), '');
    });

  test('an attribute twice, the same uuid twice, and no event', () => {
    const report = eventOf(sourcesOf(rowOf()), by, at);
    const [known] = report.Event.Attribute;
    report.Event.Attribute.push({ ...known, uuid: '00000000-0000-4000-8000-000000000000' });
    report.Event.attribute_count = '2';
    assert.equal(mispFaults(report), 'an attribute stands twice');
    report.Event.Attribute[1] = { ...known, value: '203.0.113.8' };
    assert.equal(mispFaults(report), 'a uuid stands twice');
    assert.notEqual(mispFaults({}), '');
  });
});
