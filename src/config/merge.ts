import { isDeepStrictEqual } from 'node:util';
import { invalid, note, placeText, type Problem } from './problem.ts';
import { pathText, show } from './show.ts';
import { isList, isMapping, plain, type Entry, type Mapping, type Path, type Tree } from './tree.ts';

export interface Merged {
  readonly tree: Tree;
  readonly problems: readonly Problem[];
}

/**
 * Several files as one: lists join, of one setting in several files the last counts, which is noted; a consumer that two
 * files give another value is a problem. What is of the wrong kind is left to the schema.
 */
export function mergeFiles(trees: readonly Tree[]): Merged {
  const problems: Problem[] = [];
  const at = trees[0]?.at ?? { file: '' };
  const empty: Tree = { at, value: new Map() };
  const files = trees.filter(({ value }) => isMapping(value));
  return { tree: files.reduce((merged, tree) => join(merged, tree, [], problems), empty), problems };
}

function join(first: Tree, second: Tree, path: Path, problems: Problem[]): Tree {
  if (isList(first.value) && isList(second.value)) return { at: first.at, value: [...first.value, ...second.value] };
  if (isMapping(first.value) && isMapping(second.value)) {
    return { at: first.at, value: joinNames(first.value, second.value, path, problems) };
  }
  if (!isScalar(first) || !isScalar(second)) return first;
  if (first.value !== second.value) problems.push(override(first, second, path));
  return second;
}

function isScalar({ value }: Tree): boolean {
  return !isList(value) && !isMapping(value);
}

function joinNames(first: Mapping, second: Mapping, path: Path, problems: Problem[]): Mapping {
  const joined = new Map<string, Entry>(first);
  const isOfNames = path.length === 1 && path[0] === 'consumers';
  for (const [key, entry] of second) {
    const standing = first.get(key);
    const inner = [...path, key];
    if (!standing) joined.set(key, entry);
    else if (isOfNames) problems.push(...clash(standing.tree, entry.tree, inner));
    else joined.set(key, { ...entry, tree: join(standing.tree, entry.tree, inner, problems) });
  }
  return joined;
}

function clash(first: Tree, second: Tree, path: Path): Problem[] {
  if (isDeepStrictEqual(plain(first), plain(second))) return [];
  const message = `expected the same as in ${placeText(first.at)}, got another value`;
  return [invalid(second.at, { path: pathText(path), message, hint: 'keep one of the two' })];
}

function override(first: Tree, second: Tree, path: Path): Problem {
  const message = `${show(second.value)} counts, in place of ${show(first.value)} in ${placeText(first.at)}`;
  return note(second.at, { path: pathText(path), message, hint: 'nothing, if that is meant' });
}
