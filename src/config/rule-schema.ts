/** The part of the schema that is made from the catalogue: one property per rule. */
import Type from 'typebox';
import { catalogue, type Rule, type RuleId, ruleIds } from '../rules/catalogue.ts';
import { registeredMethods } from '../wire/methods.ts';
import { object } from './schema-parts.ts';

const answerFix = 'write a status from 400 to 599, or drop';

const answer = Type.Union(
  [
    Type.Integer({
      minimum: 400,
      maximum: 599,
      not: { const: 407 },
      fix: `${answerFix}; 407 is what a proxy says`,
      description: 'A status of class 4 or 5. Not 407: it tells the sender that a proxy was found.',
    }),
    Type.Literal('drop', { description: 'Close the connection without a byte.' }),
  ],
  {
    fix: answerFix,
    description:
      'What a blocked sender gets. Never a 2xx or 3xx: a refused probe must not look like a success.',
  },
);

const rulePolicy = (id: RuleId) => {
  const rule: Rule = catalogue[id];
  const actions = rule.forwardable ? (['allow', 'flag', 'block'] as const) : (['block'] as const);
  const fix = rule.forwardable ? 'write allow, flag or block' : onlyBlock(id);
  const action = Type.Unsafe<(typeof actions)[number]>({ type: 'string', enum: [...actions], fix });
  return Type.Optional(
    Type.Union(
      [
        action,
        object(
          {
            action: Type.Optional({ ...action, description: 'What is done: see the short form.' }),
            answer: Type.Optional(answer),
          },
          { minProperties: 1, fix: 'write action, answer or both' },
        ),
      ],
      {
        fix: `${fix}, or a map with action and answer`,
        description:
          `Matches: ${rule.title}. The sender wants ${rule.seeks}. Reference: ${rule.reference}. ` +
          (rule.forwardable
            ? 'Actions: `allow` (not even recorded), `flag` (recorded, passed on), `block`. '
            : 'Can only be blocked: passing it on would mean relaying for its sender. ') +
          `Preset default: ${rule.action}; answer when blocked: ${rule.answer}.`,
      },
    ),
  );
};

const onlyBlock = (id: RuleId): string =>
  id === 'client-banned'
    ? 'write block; bans: false turns bans off'
    : id === 'rate-limited'
      ? 'write block; rateLimit: false turns the limit off'
      : 'write block, or remove the line';

/** `policy.rules`, with or without a default. */
export const rules = (standard: object) =>
  object(
    Object.fromEntries(ruleIds.map((id) => [id, rulePolicy(id)])) as Record<
      RuleId,
      ReturnType<typeof rulePolicy>
    >,
    {
      ...standard,
      description: 'Rules that differ from the preset: rule id → action, or a map with action and answer.',
    },
  );

export const presetWords =
  '`default`; `strict`: what default flags is blocked; `lenient`: headers that old clients send by mistake are stripped and ' +
  'flagged; `observe`: requests that can be passed on to our own backend without relaying are never blocked.';

export const methodWords =
  '`[GET, HEAD, POST]` lets nothing else pass; `[registered, FROB]` adds a method of your own to those of the IANA ' +
  'registry, WebDAV, Exchange, UPnP and caches. CONNECT and TRACE never pass.';

/** `policy.methods`, with or without a default. */
export const methods = (standard: object) =>
  Type.Array(
    Type.String({
      pattern: `^(?:${registeredMethods}|(?!(?:CONNECT|TRACE|PRI)$)[A-Z][A-Z0-9_-]{0,31})$`,
      fix: `write ${registeredMethods}, or a method in capitals; CONNECT and TRACE never pass`,
    }),
    { minItems: 1, uniqueItems: true, fix: 'list one method or more', ...standard },
  );
