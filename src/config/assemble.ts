import { resolve } from 'node:path';
import * as v from 'valibot';
import type { Config } from '../core/config.ts';
import { buildConfig, type ConfigOrigin } from './build.ts';
import { invalid, note, positionText, didYouMean, pathText, show, type ConfigResult, type Problem } from './problem.ts';
import { checkNames, checkRules, type ValidatePattern } from './rules.ts';
import { anyKind, file } from './schema.ts';
import {
  plain,
  find,
  keyPositionOf,
  positionOf,
  isList,
  isMapping,
  type Tree,
  type SettingPath,
  type Entry,
  type Mapping,
  type Position,
} from './tree.ts';

export interface Parts extends ConfigOrigin {
  /** In order; shown as the configuration's origin. */
  readonly files: readonly string[];
  readonly trees: readonly Tree[];
  readonly problems: readonly Problem[];
  readonly validatePattern: ValidatePattern;
}

/** The configuration that the files make together, or everything that is wrong with them. */
export function assemble({ trees, problems, validatePattern, ...origin }: Parts): ConfigResult {
  const { files } = origin;
  const merged = mergeFiles(trees);
  const found = [
    ...problems,
    ...trees.flatMap(checkSchema),
    ...merged.problems,
    ...checkRules(trees, validatePattern),
    // A name that seems to lead nowhere may be one of a file that could not be read.
    ...(isWhole(files, trees, problems) ? checkNames(trees) : []),
  ].sort(byPlace(files));
  const errors = found.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return { ok: false, problems: errors };
  return {
    ok: true,
    tree: merged.tree,
    config: buildConfig(v.parse(file, plain(merged.tree)), origin),
    warnings: found,
  };
}

function isWhole(files: readonly string[], trees: readonly Tree[], problems: readonly Problem[]): boolean {
  return trees.length >= files.length && problems.every(({ code }) => code !== 'CONFIG_UNREADABLE');
}

function byPlace(files: readonly string[]): (a: Problem, b: Problem) => number {
  return (a, b) =>
    files.indexOf(a.file) - files.indexOf(b.file) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** The problems that the schema finds in one file, one for each setting. */
function checkSchema(tree: Tree): Problem[] {
  const settings = plain(tree);
  const issues = [file, anyKind].flatMap((schema) => v.safeParse(schema, settings).issues ?? []);
  const first = new Map<string, Problem>();
  for (const problem of issues.map((issue) => toProblem(tree, issue))) {
    if (!first.has(problem.path)) first.set(problem.path, problem);
  }
  return [...first.values()];
}

function toProblem(tree: Tree, issue: v.BaseIssue<unknown>): Problem {
  const path: SettingPath = (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
  if (issue.type === 'never') return unknownKey(tree, path, issue.message.split(' '));
  const isAboutKey = issue.path?.at(-1)?.origin === 'key';
  const found = find(tree, path);
  if (isAboutKey && !found) return missing(tree, path);
  const value = isAboutKey ? path.at(-1) : found && plain(found);
  const [expected = '', hint] = issue.message.split('\n');
  return invalid(isAboutKey ? keyPositionOf(tree, path) : positionOf(tree, path), {
    path: pathText(path),
    message: `expected ${expected}, got ${show(value)}`,
    hint: value === null ? 'give it a value, or remove the line' : hint,
  });
}

function unknownKey(tree: Tree, path: SettingPath, known: readonly string[]): Problem {
  const key = String(path.at(-1) ?? '');
  return invalid(keyPositionOf(tree, path), {
    path: pathText(path),
    message: `expected a known setting, got ${show(key)}`,
    hint: didYouMean(key, known) ?? `known here: ${known.join(', ')}`,
  });
}

function missing(tree: Tree, path: SettingPath): Problem {
  const key = String(path.at(-1) ?? '');
  return invalid(positionOf(tree, path), {
    path: pathText(path),
    message: `expected it to be set, got nothing`,
    hint: `add ${key}:`,
  });
}

/**
 * Several files as one: lists join, of one setting in several files the last counts, which is noted; a consumer or
 * source in two files is a problem. The schema reports values of the wrong kind.
 */
function mergeFiles(trees: readonly Tree[]): { readonly tree: Tree; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const at = trees[0]?.at ?? { file: '' };
  const empty: Tree = { at, value: new Map() };
  const files = trees.filter(({ value }) => isMapping(value));
  return { tree: files.reduce((merged, tree) => join(merged, tree, [], problems), empty), problems };
}

function join(first: Tree, second: Tree, path: SettingPath, problems: Problem[]): Tree {
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

function joinNames(first: Mapping, second: Mapping, path: SettingPath, problems: Problem[]): Mapping {
  const joined = new Map<string, Entry>(first);
  const isOfNames = path.length === 1 && (path[0] === 'consumers' || path[0] === 'sources');
  for (const [key, entry] of second) {
    const earlier = first.get(key);
    const inner = [...path, key];
    if (!earlier) joined.set(key, entry);
    else if (isOfNames) problems.push(clash(earlier.tree, entry.tree, inner));
    else joined.set(key, { ...entry, tree: join(earlier.tree, entry.tree, inner, problems) });
  }
  return joined;
}

function clash(first: Tree, second: Tree, path: SettingPath): Problem {
  const message = `expected a name of its own, got that of ${positionText(first.at)}`;
  return invalid(second.at, { path: pathText(path), message, hint: 'keep one of the two, or rename it' });
}

function override(first: Tree, second: Tree, path: SettingPath): Problem {
  const message = `${show(second.value)} counts, in place of ${show(first.value)} in ${positionText(first.at)}`;
  return note(second.at, { path: pathText(path), message, hint: 'nothing, if that is intended' });
}

export interface NamedSinks {
  readonly awsCredentials?: readonly string[];
  readonly profile?: string;
  readonly dotenv?: readonly string[];
  readonly jsonFile?: readonly string[];
  readonly mode?: string;
  readonly owner?: string;
  readonly group?: string;
}

type Settings = Readonly<Record<string, string | undefined>>;

/** A configuration without a file. Relative paths count from `cwd`; problems name the option. */
export function configFromFlags(flags: NamedSinks, cwd: string = process.cwd()): ConfigResult {
  const { mode, owner, group, profile } = flags;
  const common = { mode, owner, group };
  const sinksOf = (option: string, paths: readonly string[] | undefined, settings: Settings): Tree[] =>
    (paths ?? []).map((path) => sinkOf(option, { path: absolute(path, cwd), ...settings }));
  const sinks = [
    ...sinksOf('--aws-credentials', flags.awsCredentials, { format: 'aws-credentials', profile, ...common }),
    ...sinksOf('--dotenv', flags.dotenv, { format: 'dotenv', ...common }),
    ...sinksOf('--json-file', flags.jsonFile, { format: 'json', ...common }),
  ];
  const tree = mapping({ file: 'command line' }, [['sinks', { at: { file: 'command line' }, value: sinks }]]);
  const result = assemble({ files: [], trees: [tree], problems: [], validatePattern: () => undefined });
  return result.ok
    ? { ...result, warnings: ofOptions(result.warnings) }
    : { ok: false, problems: ofOptions(result.problems) };
}

/** A path that begins with ~ stays as it is, and is refused with a hint. */
function absolute(path: string, cwd: string): string {
  return /^[^~]/.test(path) ? resolve(cwd, path) : path;
}

/** Options with the names of settings; the others have the names of sinks. */
const OF_ALL_SINKS: readonly string[] = ['profile', 'mode', 'owner', 'group'];

function sinkOf(option: string, settings: Settings): Tree {
  const entries = Object.entries(settings).flatMap(([key, value]): [string, Tree][] =>
    value === undefined ? [] : [[key, { at: { file: OF_ALL_SINKS.includes(key) ? `--${key}` : option }, value }]],
  );
  return mapping({ file: option }, entries);
}

function mapping(at: Position, trees: readonly [string, Tree][]): Tree {
  return { at, value: new Map(trees.map(([key, tree]): [string, Entry] => [key, { key: tree.at, tree }])) };
}

/** A problem of an option is reported once, however many sinks it counts for. */
function ofOptions(problems: readonly Problem[]): readonly Problem[] {
  const texts = problems.map(({ file, message }) => `${file}\n${message}`);
  return problems
    .filter((_, index) => texts.indexOf(texts[index] ?? '') === index)
    .map((problem) => ({ ...problem, path: '' }));
}

export function defaultConfig(): Config {
  return buildConfig(v.parse(file, {}), { files: [] });
}
