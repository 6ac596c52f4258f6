/** The schema builders of the API return what TypeBox returns. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import TypeBox from 'typebox';
import Type from '../../src/admin/json-schema.ts';

const written = (t: typeof Type) =>
  t.Object(
    {
      text: t.String({ maxLength: 3, description: 'A text.' }),
      perhaps: t.Optional(t.Integer({ minimum: 1, default: 2 })),
      list: t.Array(t.Number(), { maxItems: 4 }),
      one: t.Union([t.Literal('a'), t.Literal(1), t.Literal(true), t.Null()], {
        description: 'One of four.',
      }),
      flag: t.Optional(t.Boolean()),
      own: t.Unsafe<'x'>({ type: 'string', enum: ['x'] }),
      none: t.Object({}),
      further: t.Object({ all: t.Optional(t.String()) }, { additionalProperties: false }),
    },
    { additionalProperties: false, description: 'All of them.' },
  );

test('each builder returns what the one of TypeBox returns', () => {
  assert.deepEqual(
    JSON.parse(JSON.stringify(written(Type))),
    JSON.parse(JSON.stringify(written(TypeBox as unknown as typeof Type))),
  );
});

test('the schema above uses every builder', () => {
  const text = written.toString();
  for (const name of Object.keys(Type)) assert.match(text, new RegExp(`t\\.${name}\\b`));
});
