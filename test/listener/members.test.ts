import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Member, Members } from '../../src/listener/members.ts';
import { oldGarbage } from '../support/old-garbage.ts';

interface Named extends Member {
  readonly name: string;
}

const member = (name: string): Named => ({ name, place: -1 });
const names = (members: Iterable<Named>): string =>
  [...members]
    .map(({ name }) => name)
    .sort()
    .join('');

test('members join and leave in any order', () => {
  const members = new Members<Named>();
  const [a, b, c] = [member('a'), member('b'), member('c')];
  for (const one of [a, b, c]) members.add(one);
  assert.equal(names(members), 'abc');
  assert.equal(members.delete(a), true);
  assert.equal(members.delete(a), false, 'it has left already');
  assert.equal(members.delete(member('x')), false, 'it never joined');
  assert.equal(names(members), 'bc');
  members.add(a);
  assert.equal(members.delete(c), true);
  assert.equal(members.delete(b), true);
  assert.equal(names(members), 'a');
  assert.equal(members.size, 1);
});

test('members may leave while they are visited', () => {
  const members = new Members<Named>();
  for (const name of 'abcd') members.add(member(name));
  for (const one of members) members.delete(one);
  assert.equal(members.size, 0);
});

test('members that have left are not promoted to the old generation, as those of a Set are', () => {
  const set = new Set<object>();
  assert.ok(
    oldGarbage(
      (one) => set.add(one),
      (one) => set.delete(one),
    ) > 1e6,
  );
  const members = new Members();
  const grown = oldGarbage(
    (one) => members.add(one),
    (one) => members.delete(one),
  );
  assert.ok(grown < 1e5, `${grown} bytes`);
});
