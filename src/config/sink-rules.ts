import { DOTENV_NAMES } from './build.ts';
import { invalid, warning, type Problem } from './problem.ts';
import { readKeys, readMode } from './scalars.ts';
import { show } from './show.ts';
import { entriesAt, find, itemsAt, placeOf, textAt, type Part, type Tree } from './tree.ts';

/** What the settings of one sink have against each other. */
export function sinkRules(sink: Part): Problem[] {
  const format = textAt(sink.tree, ['format']);
  return [
    ...readableByOthers(sink),
    ...(format === 'json' ? [...shapeOrKeys(sink), ...overlappingKeys(sink)] : []),
    ...(format === 'dotenv' ? repeatedVariables(sink) : []),
  ];
}

function readableByOthers({ tree, path }: Part): Problem[] {
  const text = textAt(tree, ['mode']);
  const reading = text === undefined ? {} : readMode(text);
  if (!('value' in reading) || reading.value === 'any' || (reading.value & 0o004) === 0) return [];
  const message = `expected a mode that keeps others out, got ${show(text)}: every user of this machine can read the secret`;
  return [warning(placeOf(tree, ['mode']), { path: `${path}.mode`, message, hint: 'give it a group: and mode 0640' })];
}

function shapeOrKeys({ tree, path }: Part): Problem[] {
  const keys = find(tree, ['keys']);
  if (!keys) return [];
  if (find(tree, ['shape'])) {
    return [
      invalid(keys.at, {
        path: `${path}.keys`,
        message: 'expected shape or keys, got both',
        hint: 'remove one of the two',
      }),
    ];
  }
  if (entriesAt(keys, []).length > 0) return [];
  return [invalid(keys.at, { path: `${path}.keys`, message: 'expected at least one place, got none' })];
}

/** Two values in one place, or one inside the other. */
function overlappingKeys({ tree, path }: Part): Problem[] {
  const places = entriesAt(tree, ['keys']).flatMap(([field, { tree: value }]) => {
    const keys = keysOf(value);
    return keys ? [{ field, keys, at: value.at }] : [];
  });
  return places.flatMap(({ field, keys, at }, index) => {
    const other = places
      .slice(0, index)
      .find((earlier) => isWithin(keys, earlier.keys) || isWithin(earlier.keys, keys));
    if (!other) return [];
    const message = `expected a place of its own, got that of ${other.field} or one inside the other`;
    return [invalid(at, { path: `${path}.keys.${field}`, message })];
  });
}

function keysOf(tree: Tree): readonly string[] | undefined {
  const list = itemsAt(tree, []).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  const reading = readKeys(typeof tree.value === 'string' ? tree.value : list);
  return 'value' in reading ? reading.value : undefined;
}

function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  return outer.every((key, index) => inner[index] === key);
}

function repeatedVariables({ tree, path }: Part): Problem[] {
  const prefix = textAt(tree, ['prefix']) ?? '';
  const names = Object.entries(DOTENV_NAMES).map(([field, usual]) => {
    const given = find(tree, ['names', field]);
    return { field, name: given ? given.value : prefix + usual };
  });
  return names.flatMap(({ field, name }, index) => {
    const other = names.slice(0, index).find((earlier) => earlier.name === name);
    if (!other || typeof name !== 'string') return [];
    const message = `expected a variable of its own, got ${show(name)} like ${other.field}`;
    return [invalid(placeOf(tree, ['names', field]), { path: `${path}.names.${field}`, message })];
  });
}
