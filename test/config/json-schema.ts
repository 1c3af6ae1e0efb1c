import { isDeepStrictEqual } from 'node:util';

/** As much of a JSON Schema (draft 7) as ours uses; a keyword that is not known here throws. */
export type JsonSchema = Readonly<Record<string, unknown>>;

type Check = (rule: unknown, value: unknown, schema: JsonSchema) => boolean;

const CHECKS: Readonly<Record<string, Check>> = {
  type: (rule, value) => [rule].flat().some((type) => isOfType(String(type), value)),
  const: (rule, value) => isDeepStrictEqual(rule, value),
  enum: (rule, value) => list(rule).some((choice) => isDeepStrictEqual(choice, value)),
  pattern: (rule, value) => typeof value !== 'string' || new RegExp(String(rule), 'u').test(value),
  minimum: (rule, value) => typeof value !== 'number' || value >= Number(rule),
  maximum: (rule, value) => typeof value !== 'number' || value <= Number(rule),
  minItems: (rule, value) => !Array.isArray(value) || value.length >= Number(rule),
  anyOf: (rule, value) => list(rule).some((option) => accepts(asSchema(option), value)),
  oneOf: (rule, value) => list(rule).filter((option) => accepts(asSchema(option), value)).length === 1,
  required: (rule, value) => !isObject(value) || list(rule).every((key) => String(key) in value),
  properties: (rule, value) =>
    entries(value).every(([key, inner]) => !(key in asSchema(rule)) || accepts(asSchema(asSchema(rule)[key]), inner)),
  additionalProperties: (rule, value, schema) =>
    entries(value).every(([key, inner]) => key in asSchema(schema['properties']) || accepts(rule, inner)),
  propertyNames: (rule, value) => entries(value).every(([key]) => accepts(asSchema(rule), key)),
  items: (rule, value) =>
    !Array.isArray(value) ||
    value.every((item, index) =>
      Array.isArray(rule) ? index >= rule.length || accepts(rule[index], item) : accepts(rule, item),
    ),
  additionalItems: (rule, value, schema) =>
    !Array.isArray(value) || value.slice(list(schema['items']).length).every((item) => accepts(rule, item)),
};

const ANNOTATIONS = ['$schema', 'title', 'description', 'default', 'format'];

/** Whether a value is valid. */
export function accepts(schema: unknown, value: unknown): boolean {
  if (typeof schema === 'boolean') return schema;
  const rules = asSchema(schema);
  return Object.entries(rules).every(([keyword, rule]) => {
    if (ANNOTATIONS.includes(keyword)) return true;
    const check = CHECKS[keyword];
    if (!check) throw new Error(`unknown keyword ${keyword}`);
    return check(rule, value, rules);
  });
}

function isOfType(type: string, value: unknown): boolean {
  if (type === 'object') return isObject(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entries(value: unknown): [string, unknown][] {
  return isObject(value) ? Object.entries(value) : [];
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asSchema(value: unknown): JsonSchema {
  return Object.fromEntries(entries(value));
}
