/** A position in a file, or an option of the command line (`--dotenv`), which has no lines. */
export interface Position {
  readonly file: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
}

/** A value of a file or of the command line, with its position. */
export interface Tree {
  readonly at: Position;
  readonly value: Scalar | readonly Tree[] | Mapping;
}

export type Scalar = string | number | boolean | null;
export type Mapping = ReadonlyMap<string, Entry>;
export type SettingPath = readonly (string | number)[];

export interface Entry {
  readonly key: Position;
  readonly tree: Tree;
}

/** A sink or consumer, and its path in the file: `sinks[2]`. */
export interface Item {
  readonly tree: Tree;
  readonly path: string;
}

export function isList(value: Tree['value'] | undefined): value is readonly Tree[] {
  return Array.isArray(value);
}

export function isMapping(value: Tree['value'] | undefined): value is Mapping {
  return value instanceof Map;
}

export function plain({ value }: Tree): unknown {
  if (isList(value)) return value.map(plain);
  if (isMapping(value)) return Object.fromEntries([...value].map(([key, entry]) => [key, plain(entry.tree)]));
  return value;
}

/** The value at a path below the tree; undefined where there is none. */
export function find(tree: Tree | undefined, path: SettingPath): Tree | undefined {
  let found = tree;
  for (const key of path) found = child(found, key)?.tree;
  return found;
}

function child(tree: Tree | undefined, key: string | number): Entry | undefined {
  if (isMapping(tree?.value)) return tree.value.get(String(key));
  const item = isList(tree?.value) ? tree.value[Number(key)] : undefined;
  return item && { key: item.at, tree: item };
}

/** The position of the value at a path; for a missing one, of the nearest value around it. */
export function positionOf(tree: Tree, path: SettingPath): Position {
  return path.length === 0 ? tree.at : (find(tree, path)?.at ?? positionOf(tree, path.slice(0, -1)));
}

export function keyPositionOf(tree: Tree, path: SettingPath): Position {
  const key = path.at(-1);
  const entry = key === undefined ? undefined : child(find(tree, path.slice(0, -1)), key);
  return entry?.key ?? positionOf(tree, path);
}

export function textAt(tree: Tree | undefined, path: SettingPath): string | undefined {
  const value = find(tree, path)?.value;
  return typeof value === 'string' ? value : undefined;
}

export function itemsAt(tree: Tree | undefined, path: SettingPath): readonly Tree[] {
  const value = find(tree, path)?.value;
  return isList(value) ? value : [];
}

export function entriesAt(tree: Tree | undefined, path: SettingPath): readonly [string, Entry][] {
  const value = find(tree, path)?.value;
  return isMapping(value) ? [...value] : [];
}
