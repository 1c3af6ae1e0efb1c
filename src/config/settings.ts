import { show } from './problem.ts';
import { isList, isMapping, type Entry, type Place, type Tree } from './tree.ts';

/** One setting: its value, and where it was written; without a place it is a default. */
export interface Setting {
  /** `sinks[0].mode` */
  readonly path: string;
  readonly value: string;
  readonly at?: Place;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly default?: unknown;
}

/** Every setting of a valid configuration, those that were left out with the defaults of its JSON Schema. */
export function describeSettings(tree: Tree, schema: Schema): readonly Setting[] {
  return describe(tree, schema, '');
}

function describe(tree: Tree | undefined, schema: Schema, path: string): readonly Setting[] {
  const { properties = {}, additionalProperties, items } = variantOf(tree, schema);
  if (tree && isList(tree.value) && items?.oneOf) {
    return tree.value.flatMap((item, index) => describe(item, items, `${path}[${index}]`));
  }
  const entries = tree && isMapping(tree.value) ? tree.value : new Map<string, Entry>();
  const names = new Set([...Object.keys(properties), ...entries.keys()]);
  const rest = typeof additionalProperties === 'object' ? additionalProperties : {};
  if (names.size > 0) {
    return [...names].flatMap((name) =>
      describe(entries.get(name)?.tree, properties[name] ?? rest, path === '' ? name : `${path}.${name}`),
    );
  }
  return single(tree, schema, path);
}

function single(tree: Tree | undefined, { default: standard }: Schema, path: string): readonly Setting[] {
  if (tree) return [{ path, value: valueOf(tree, path), at: tree.at }];
  return standard === undefined || typeof standard === 'object' ? [] : [{ path, value: show(standard) }];
}

/** Of sinks and consumers, by their format or type. */
function variantOf(tree: Tree | undefined, schema: Schema): Schema {
  const { oneOf } = schema;
  if (!oneOf || !tree || !isMapping(tree.value)) return schema;
  const { value } = tree;
  const fits = ({ properties = {} }: Schema): boolean =>
    Object.entries(properties).every(
      ([name, one]) => one.const === undefined || one.const === value.get(name)?.tree.value,
    );
  return oneOf.find(fits) ?? schema;
}

/** What a program is given may be secret; its name is not. */
function valueOf({ value }: Tree, path: string): string {
  if (!isList(value)) return show(value);
  const [first, ...more] = value;
  if (!path.endsWith('.command')) return `[${value.map((item) => show(item.value)).join(', ')}]`;
  return `[${show(first?.value)}, and ${more.length} not shown]`;
}
