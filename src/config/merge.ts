import { isDeepStrictEqual } from 'node:util';
import { invalid, placeText, type Problem } from './problem.ts';
import { pathText, show } from './show.ts';
import { isList, isMapping, plain, type Entry, type Mapping, type Path, type Tree } from './tree.ts';

export interface Merged {
  readonly tree: Tree;
  readonly problems: readonly Problem[];
}

/**
 * Several files as one: lists join, settings and consumers come together by name, and the same name with another
 * value is a problem. What is of the wrong kind is left to the schema.
 */
export function mergeFiles(trees: readonly Tree[]): Merged {
  const problems: Problem[] = [];
  const merged = new Map<string, Entry>();
  for (const { value } of trees) {
    for (const [key, entry] of isMapping(value) ? value : []) {
      const standing = merged.get(key);
      merged.set(key, standing ? { ...standing, tree: join(standing.tree, entry.tree, [key], problems) } : entry);
    }
  }
  return { tree: { at: trees[0]?.at ?? { file: '' }, value: merged }, problems };
}

function join(first: Tree, second: Tree, path: Path, problems: Problem[]): Tree {
  if (isList(first.value) && isList(second.value)) return { at: first.at, value: [...first.value, ...second.value] };
  if (isMapping(first.value) && isMapping(second.value)) {
    return { at: first.at, value: joinNames(first.value, second.value, path, problems) };
  }
  if (isScalar(first) && isScalar(second)) problems.push(...clash(first, second, path));
  return first;
}

function isScalar({ value }: Tree): boolean {
  return !isList(value) && !isMapping(value);
}

function joinNames(first: Mapping, second: Mapping, path: Path, problems: Problem[]): Mapping {
  const joined = new Map(first);
  for (const [key, entry] of second) {
    const standing = first.get(key);
    if (standing) problems.push(...clash(standing.tree, entry.tree, [...path, key]));
    else joined.set(key, entry);
  }
  return joined;
}

function clash(first: Tree, second: Tree, path: Path): Problem[] {
  const [standing, other] = [plain(first), plain(second)];
  if (isDeepStrictEqual(standing, other)) return [];
  const [expected, got] = isScalar(first) ? [show(standing), show(other)] : ['the same', 'another value'];
  const message = `expected ${expected} as in ${placeText(first.at)}, got ${got}`;
  return [invalid(second.at, { path: pathText(path), message, hint: 'keep one of the two' })];
}
