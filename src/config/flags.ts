import { resolve } from 'node:path';
import { assemble } from './assemble.ts';
import type { ConfigResult, Problem } from './problem.ts';
import type { Entry, Place, Tree } from './tree.ts';

/** Sinks as the command line gives them. */
export interface SinkFlags {
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
export function configFromFlags(flags: SinkFlags, cwd: string = process.cwd()): ConfigResult {
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

/** What begins with ~ stays as it is, to be refused with its hint. */
function absolute(path: string, cwd: string): string {
  return /^[^~]/.test(path) ? resolve(cwd, path) : path;
}

/** The options that are not named like the sinks they make. */
const OPTIONS: Readonly<Record<string, string>> = {
  profile: '--profile',
  mode: '--mode',
  owner: '--owner',
  group: '--group',
};

function sinkOf(option: string, settings: Settings): Tree {
  const entries = Object.entries(settings).flatMap(([key, value]): [string, Tree][] =>
    value === undefined ? [] : [[key, { at: { file: OPTIONS[key] ?? option }, value }]],
  );
  return mapping({ file: option }, entries);
}

function mapping(at: Place, trees: readonly [string, Tree][]): Tree {
  return { at, value: new Map(trees.map(([key, tree]): [string, Entry] => [key, { key: tree.at, tree }])) };
}

/** An option is one to its user, however many sinks it counts for. */
function ofOptions(problems: readonly Problem[]): readonly Problem[] {
  const texts = problems.map(({ file, message }) => `${file}\n${message}`);
  return problems
    .filter((_, index) => texts.indexOf(texts[index] ?? '') === index)
    .map((problem) => ({ ...problem, path: '' }));
}
