import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { DURATION } from '../../src/config/scalars.ts';
import { file } from '../../src/config/schema.ts';
import { oneOf, show } from '../../src/config/problem.ts';

/** One setting of the configuration, as the schema describes it. */
export interface Setting {
  /** Within its section: `path`, `names.access_key_id`. */
  readonly name: string;
  /** In the words of the error messages. */
  readonly expected: string;
  readonly description: string;
  readonly standard: string | undefined;
  readonly isRequired: boolean;
}

export interface Settings {
  /** `sinks`, `sinks, format: json`, `imds`. */
  readonly title: string;
  readonly settings: readonly Setting[];
}

type Schema = Readonly<Record<string, unknown>>;

/** A place in a configuration, and the settings beside it that decide what is expected there. */
interface Spot {
  readonly path: readonly (string | number)[];
  readonly beside: Schema;
}

/** Of the whole file, by section. */
export function describeSettings(jsonSchema: unknown): readonly Settings[] {
  const { properties } = asSchema(jsonSchema);
  const top = Object.entries(asSchema(properties)).map(([key, schema]) => ({ key, schema: asSchema(schema) }));
  const kinds = { sources: 'type', sinks: 'format', consumers: 'type' };
  return [
    {
      title: '',
      settings: top.map(({ key, schema }) => settingOf({ name: key, schema }, { path: [key], beside: {} })),
    },
    ...variantSections(
      'sources',
      kinds.sources,
      list(asSchema(asSchema(properties)['sources'])['additionalProperties']),
    ),
    ...variantSections('sinks', kinds.sinks, list(asSchema(asSchema(properties)['sinks'])['items'])),
    ...variantSections(
      'consumers',
      kinds.consumers,
      list(asSchema(asSchema(properties)['consumers'])['additionalProperties']),
    ),
    ...top
      .filter(({ schema }) => 'properties' in schema)
      .map(({ key, schema }) => ({ title: key, settings: within(schema, { path: [key], beside: {} }) })),
  ];
}

/** What all kinds have in common comes first. */
function variantSections(key: string, by: string, variants: readonly Schema[]): Settings[] {
  const common = variants.reduce<Schema>((known, variant) => {
    const properties = asSchema(variant['properties']);
    return Object.fromEntries(Object.entries(known).filter(([name, one]) => isDeepStrictEqual(properties[name], one)));
  }, asSchema(variants[0]?.['properties']));
  const kinds = variants.map((variant) => String(asSchema(asSchema(variant['properties'])[by])['const']));
  const at = key === 'sinks' ? [key, 0] : [key, 'name'];
  const kind: Setting = {
    name: by,
    expected: oneOf(kinds),
    description: 'Decides which other settings there are.',
    standard: undefined,
    isRequired: true,
  };
  const isCommon = ({ name }: Setting): boolean => name.split('.').some((part) => part in common);
  const sections = variants.map((variant, index) => {
    const beside = { [by]: kinds[index] };
    const settings = within(variant, { path: at, beside }).filter(({ name }) => name !== by);
    return { title: `${key}, ${by}: ${kinds[index] ?? ''}`, settings };
  });
  const shared = sections[0]?.settings.filter(isCommon) ?? [];
  const own = sections.map(({ title, settings }) => ({ title, settings: settings.filter((one) => !isCommon(one)) }));
  return [{ title: key, settings: [kind, ...shared] }, ...own];
}

function within(schema: Schema, spot: Spot, prefix = ''): Setting[] {
  const required = Array.isArray(schema['required']) ? schema['required'].map(String) : [];
  return Object.entries(asSchema(schema['properties'])).flatMap(([key, value]) => {
    const path = [...spot.path, key];
    const name = `${prefix}${key}`;
    const setting = settingOf({ name, schema: asSchema(value), isRequired: required.includes(key) }, { ...spot, path });
    const inner = mappingOf(asSchema(value));
    if (inner) return [setting, ...within(inner, { ...spot, path }, `${name}.`)];
    const named = mappingOf(asSchema(asSchema(value)['additionalProperties']));
    return named ? [setting, ...within(named, { ...spot, path: [...path, NAMED] }, `${name}.${NAMED}.`)] : [setting];
  });
}

/** Stands for a name that is the administrator's. */
const NAMED = 'NAME';

/** The settings that can stand below one, whatever else it can be. */
function mappingOf(schema: Schema): Schema | undefined {
  return [schema, ...list(schema['anyOf'])].find((one): one is Schema => 'properties' in asSchema(one));
}

interface Property {
  readonly name: string;
  readonly schema: Schema;
  readonly isRequired?: boolean;
}

function settingOf({ name, schema, isRequired = false }: Property, spot: Spot): Setting {
  const { description = '', default: standard } = schema;
  return {
    name,
    expected: expectedAt(spot, schema),
    description: String(description),
    standard: standard === undefined || typeof standard === 'object' ? undefined : show(standard).replaceAll('"', ''),
    isRequired,
  };
}

/** Longer than any that is allowed, so that the limits are told. */
const TOO_LONG = '999999999h';

/** What the loader says that it expects, when something else stands there. */
function expectedAt({ path, beside }: Spot, { pattern, type }: Schema): string {
  const wrong = pattern === DURATION.source ? TOO_LONG : Symbol('nothing that a file could hold');
  const { issues = [] } = v.safeParse(file, document(path, beside, wrong));
  const found = issues.find((issue) =>
    isDeepStrictEqual(
      issue.path?.map(({ key }) => key),
      path,
    ),
  );
  const [expected = ''] = found?.message.split('\n') ?? [];
  if (found && !expected.startsWith('Invalid type')) return expected;
  if (type !== 'string') throw new Error(`${path.join('.')}: expected the loader to say what it takes`);
  return 'text';
}

function document([key, ...rest]: Spot['path'], beside: Schema, value: unknown): unknown {
  if (key === undefined) return value;
  const isPart = rest.length > 0 && (typeof key === 'number' || key === 'name');
  const inner = document(rest, beside, value);
  if (typeof key === 'number') return [{ ...beside, ...asSchema(inner) }];
  return { [key]: isPart ? { ...beside, ...asSchema(inner) } : inner };
}

function asSchema(value: unknown): Schema {
  return Object.fromEntries(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}

function list(value: unknown): readonly Schema[] {
  const options: unknown = Array.isArray(value) ? value : asSchema(value)['oneOf'];
  return Array.isArray(options) ? options.map(asSchema) : [];
}
