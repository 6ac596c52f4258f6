/**
 * The few TypeBox builders that the API schemas use, with TypeBox's types. They return plain data, so TypeBox itself is not loaded,
 * which would cost 13 MiB and 0.1 s.
 */
import type { Type as TypeBox } from 'typebox';

type Builders = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Number'
  | 'Object'
  | 'Optional'
  | 'String'
  | 'Union'
  | 'Unsafe'
>;

/** Marks an optional property; not enumerable, so it is not part of the schema. */
const optional = Symbol('optional');

const of =
  (type: string) =>
  (options: object = {}): object => ({ type, ...options });

const Type = {
  Array: (items: object, options: object = {}) => ({ type: 'array', items, ...options }),
  Boolean: of('boolean'),
  Integer: of('integer'),
  Literal: (value: unknown, options: object = {}) => ({ type: typeof value, const: value, ...options }),
  Null: of('null'),
  Number: of('number'),
  Object: (properties: Record<string, object>, options: object = {}) => {
    const required = Object.keys(properties).filter((name) => !(optional in properties[name]!));
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options };
  },
  Optional: (schema: object) => Object.defineProperty({ ...schema }, optional, { value: true }),
  String: of('string'),
  Union: (anyOf: readonly object[], options: object = {}) => ({ anyOf, ...options }),
  Unsafe: (schema: object) => schema,
} as unknown as Builders;

export default Type;
