/** Building blocks of the schema: objects without unknown keys, quantities, prefixes, file names. */
import type { Static, TObject, TProperties } from 'typebox';
import Type from 'typebox';
import { durationPattern, sizePattern } from './quantity.ts';

export const object = <T extends TProperties>(properties: T, options: object = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options });

/**
 * `false`, or the object. One schema with two types and no `anyOf`, because defaults inside an `anyOf` are never filled in.
 */
export const offOr = <T extends TObject>(schema: T, options: { description: string; default?: unknown }) =>
  Type.Unsafe<false | Static<T>>({
    ...schema,
    ...options,
    type: ['boolean', 'object'],
    not: { const: true },
    fix: 'write false to turn it off, or a map of its settings',
  });

/** A user or group of the system. */
export const account = (description: string) =>
  Type.Unsafe<false | string>({
    type: ['boolean', 'string'],
    not: { const: true },
    pattern: '^[A-Za-z_][A-Za-z0-9_-]*[$]?$',
    default: false,
    fix: 'write a name as in /etc/passwd and /etc/group, or false',
    description,
  });

export const word = <const T extends string>(
  words: readonly T[],
  options: { description: string; default?: T },
) => Type.Unsafe<T>({ type: 'string', enum: [...words], ...options });

export const quantity =
  (pattern: string, format: string, fix: string) => (standard: string, description: string) =>
    Type.String({ pattern, format, fix, default: standard, description });

export const durationFix = 'write a number and ms, s, m, h or d, such as 250ms, 10s or 1d';
/** For timers: at most a day. Node's timers overflow after 24 days and then fire at once. */
export const timeout = quantity(
  durationPattern,
  'sekisho-timeout',
  `${durationFix}: at least 1ms, at most 1d`,
);
export const span = quantity(durationPattern, 'sekisho-duration', `${durationFix}: at most 3650d`);
export const size = quantity(
  sizePattern,
  'sekisho-header-size',
  'write a number and B, KiB or MiB, from 1KiB to 1MiB',
);

/** The pattern is the alphabet alone; the format checks that the text is a prefix. */
export const cidr = Type.String({
  pattern: '^[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?$',
  format: 'sekisho-cidr',
  fix: 'write a prefix such as 192.0.2.0/24 or 2001:db8::/32, or a single address',
  description: 'A prefix in CIDR notation, or one address. No bits may be set after the prefix.',
});

export const cidrs = (description: string) => Type.Array(cidr, { default: [], description });

/** The address and port of a listener. */
export const listenAddress = (options: { description: string; default?: string }) =>
  Type.String({
    pattern: '^(?:[0-9.]+|\\[[0-9A-Fa-f.:]+\\]):[0-9]{1,5}$',
    format: 'sekisho-listen',
    fix: 'write ADDR:PORT such as 127.0.0.1:8080 or "[::]:8080"',
    ...options,
  });

/** The name of a file, relative to the folder of the config. */
export const file = (description: string) =>
  Type.String({
    minLength: 1,
    fix: 'write a file name',
    description: `${description} Relative names start at the folder of the config.`,
  });
