import * as v from 'valibot';
import { invalid, type Problem } from './problem.ts';
import { anyKind, file } from './schema.ts';
import { didYouMean, pathText, show } from './show.ts';
import { find, keyPlaceOf, placeOf, plain, type Path, type Tree } from './tree.ts';

/** What the schema has against one file: all of it, and of each setting the first. */
export function checkSchema(tree: Tree): Problem[] {
  const settings = plain(tree);
  const issues = [file, anyKind].flatMap((schema) => v.safeParse(schema, settings).issues ?? []);
  const first = new Map<string, Problem>();
  for (const problem of issues.map((issue) => toProblem(tree, issue))) {
    if (!first.has(problem.path)) first.set(problem.path, problem);
  }
  return [...first.values()];
}

function toProblem(tree: Tree, issue: v.BaseIssue<unknown>): Problem {
  const path: Path = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
  if (issue.type === 'never') return unknownKey(tree, path, issue.message.split(' '));
  const isAboutKey = issue.path?.at(-1)?.origin === 'key';
  const found = find(tree, path);
  if (isAboutKey && !found) return missing(tree, path);
  const value = isAboutKey ? path.at(-1) : found && plain(found);
  const [expected = '', hint] = issue.message.split('\n');
  return invalid(isAboutKey ? keyPlaceOf(tree, path) : placeOf(tree, path), {
    path: pathText(path),
    message: `expected ${expected}, got ${show(value)}`,
    hint: value === null ? 'give it a value, or remove the line' : hint,
  });
}

function unknownKey(tree: Tree, path: Path, known: readonly string[]): Problem {
  const key = String(path.at(-1) ?? '');
  return invalid(keyPlaceOf(tree, path), {
    path: pathText(path),
    message: `expected a known setting, got ${show(key)}`,
    hint: didYouMean(key, known) ?? `known here: ${known.join(', ')}`,
  });
}

function missing(tree: Tree, path: Path): Problem {
  const key = String(path.at(-1) ?? '');
  return invalid(placeOf(tree, path), {
    path: pathText(path),
    message: `expected it to be set, got nothing`,
    hint: `add ${key}:`,
  });
}
