/**
 * Checks a value against a JSON Schema and fills in its defaults. It implements the keywords that our schema uses, with the same
 * errors as Ajv. A schema library takes a hundred milliseconds and tens of megabytes at import, in
 * every app that uses one of the plugins; the code that Ajv would generate from our schema is a megabyte.
 */
import { isMap } from './plain-data.ts';

/** The implemented keywords of JSON Schema. Any other keyword is an annotation. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly not?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  /** In code points. */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly minProperties?: number;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean;
  readonly default?: unknown;
  /** What to write instead, for the text of a fault. */
  readonly fix?: string;
}

export interface SchemaError {
  readonly keyword: string;
  /** JSON pointer into the value. */
  readonly instancePath: string;
  /** Where in the schema the keyword stands. */
  readonly schemaPath: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly parentSchema: JsonSchema;
  readonly data: unknown;
}

/** Format name → whether a text has that format. */
export type Formats = Readonly<Record<string, (text: string) => boolean>>;

interface Place {
  readonly instancePath: string;
  readonly schemaPath: string;
  /** Inside a choice (`anyOf`, `not`), where defaults are not filled in: it may be the wrong branch. */
  readonly choosing: boolean;
}

export class SchemaReader {
  readonly #root: JsonSchema;
  readonly #formats: Formats;
  readonly #patterns = new Map<string, RegExp>();

  constructor(root: JsonSchema, formats: Formats) {
    this.#root = root;
    this.#formats = formats;
  }

  /** Fills in the defaults of a value in place. @returns every error; none: it is valid */
  errors(value: unknown): SchemaError[] {
    const errors: SchemaError[] = [];
    this.#check(this.#root, value, { instancePath: '', schemaPath: '#', choosing: false }, errors);
    return errors;
  }

  #check(written: JsonSchema, data: unknown, place: Place, errors: SchemaError[]): void {
    const schema = written.$ref === undefined ? written : this.#resolve(written.$ref);
    const fail = (keyword: string, params: SchemaError['params']): void => {
      const { instancePath, schemaPath } = place;
      errors.push({
        keyword,
        instancePath,
        schemaPath: `${schemaPath}/${keyword}`,
        params,
        parentSchema: schema,
        data,
      });
    };
    const { type } = schema;
    if (type !== undefined && ![type].flat().some((one) => isOf(one, data))) fail('type', { type });
    if (typeof data === 'number') checkNumber(schema, data, fail);
    if (typeof data === 'string') this.#checkText(schema, data, fail);
    if (schema.const !== undefined && data !== schema.const) fail('const', { allowedValue: schema.const });
    if (schema.enum !== undefined && !schema.enum.includes(data))
      fail('enum', { allowedValues: schema.enum });
    if (schema.not !== undefined) {
      const inside: SchemaError[] = [];
      this.#check(schema.not, data, { ...place, choosing: true }, inside);
      if (inside.length === 0) fail('not', {});
    }
    if (schema.anyOf !== undefined) this.#choose(schema.anyOf, data, place, errors, fail);
    if (Array.isArray(data)) this.#checkList(schema, data, place, errors, fail);
    else if (isMap(data)) this.#checkMap(schema, data, place, errors, fail);
  }

  #checkText({ minLength, maxLength, pattern, format }: JsonSchema, data: string, fail: Fail): void {
    if (maxLength !== undefined && [...data].length > maxLength) fail('maxLength', { limit: maxLength });
    if (minLength !== undefined && [...data].length < minLength) fail('minLength', { limit: minLength });
    if (pattern !== undefined && !this.#pattern(pattern).test(data)) fail('pattern', { pattern });
    if (format !== undefined && this.#formats[format]?.(data) === false) fail('format', { format });
  }

  /** If all branches fail, every error is kept: `schema-faults.ts` decides which branch was meant. */
  #choose(
    anyOf: readonly JsonSchema[],
    data: unknown,
    place: Place,
    errors: SchemaError[],
    fail: Fail,
  ): void {
    const inside: SchemaError[] = [];
    for (const [index, branch] of anyOf.entries()) {
      const before = inside.length;
      const schemaPath = `${place.schemaPath}/anyOf/${index}`;
      this.#check(branch, data, { ...place, schemaPath, choosing: true }, inside);
      if (inside.length === before) return;
    }
    errors.push(...inside);
    fail('anyOf', {});
  }

  #checkList(
    schema: JsonSchema,
    data: readonly unknown[],
    place: Place,
    errors: SchemaError[],
    fail: Fail,
  ): void {
    const { minItems, maxItems, items } = schema;
    if (maxItems !== undefined && data.length > maxItems) fail('maxItems', { limit: maxItems });
    if (minItems !== undefined && data.length < minItems) fail('minItems', { limit: minItems });
    if (items === undefined) return;
    for (const [index, item] of data.entries()) {
      const instancePath = `${place.instancePath}/${index}`;
      this.#check(items, item, { ...place, instancePath, schemaPath: `${place.schemaPath}/items` }, errors);
    }
  }

  #checkMap(
    { minProperties, required = [], properties = {}, additionalProperties }: JsonSchema,
    data: Record<string, unknown>,
    place: Place,
    errors: SchemaError[],
    fail: Fail,
  ): void {
    if (!place.choosing)
      for (const [name, { default: standard }] of Object.entries(properties))
        if (standard !== undefined && data[name] === undefined) data[name] = structuredClone(standard);
    if (minProperties !== undefined && Object.keys(data).length < minProperties)
      fail('minProperties', { limit: minProperties });
    for (const name of required) if (data[name] === undefined) fail('required', { missingProperty: name });
    if (additionalProperties === false)
      for (const name of Object.keys(data))
        if (!Object.hasOwn(properties, name)) fail('additionalProperties', { additionalProperty: name });
    for (const [name, schema] of Object.entries(properties)) {
      if (data[name] === undefined) continue;
      const instancePath = `${place.instancePath}/${escaped(name)}`;
      const schemaPath = `${place.schemaPath}/properties/${escaped(name)}`;
      this.#check(schema, data[name], { ...place, instancePath, schemaPath }, errors);
    }
  }

  /** @param reference `#/properties/a/…`: within the schema */
  #resolve(reference: string): JsonSchema {
    return reference
      .split('/')
      .slice(1)
      .reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], this.#root) as JsonSchema;
  }

  #pattern(source: string): RegExp {
    const known = this.#patterns.get(source);
    if (known !== undefined) return known;
    const pattern = new RegExp(source, 'u');
    this.#patterns.set(source, pattern);
    return pattern;
  }
}

type Fail = (keyword: string, params: SchemaError['params']) => void;

function checkNumber({ minimum, maximum }: JsonSchema, data: number, fail: Fail): void {
  if (maximum !== undefined && !(data <= maximum)) fail('maximum', { comparison: '<=', limit: maximum });
  if (minimum !== undefined && !(data >= minimum)) fail('minimum', { comparison: '>=', limit: minimum });
}

function isOf(type: string, data: unknown): boolean {
  switch (type) {
    case 'object':
      return isMap(data);
    case 'array':
      return Array.isArray(data);
    case 'integer':
      return Number.isInteger(data);
    case 'number':
      return Number.isFinite(data);
    case 'null':
      return data === null;
    default:
      return typeof data === type;
  }
}

/** RFC 6901 section 3. */
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
