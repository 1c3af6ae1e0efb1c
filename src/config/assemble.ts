import * as v from 'valibot';
import { buildConfig, type Origin } from './build.ts';
import { checkSchema } from './check.ts';
import { mergeFiles } from './merge.ts';
import type { ConfigResult, Problem } from './problem.ts';
import { checkNames, checkRules } from './relations.ts';
import { file as schema } from './schema.ts';
import type { ValidatePattern } from './settings-rules.ts';
import { plain, type Tree } from './tree.ts';

export interface Parts extends Origin {
  /** In order; shown as the configuration's origin. */
  readonly files: readonly string[];
  /** Of the files that could be read. */
  readonly trees: readonly Tree[];
  /** What is known already. */
  readonly problems: readonly Problem[];
  readonly validatePattern: ValidatePattern;
}

/** The configuration that the files make together, or everything that is wrong with them. */
export function assemble({ path, digest, files, trees, problems, validatePattern }: Parts): ConfigResult {
  const merged = mergeFiles(trees);
  const found = [
    ...problems,
    ...trees.flatMap(checkSchema),
    ...merged.problems,
    ...checkRules(trees, validatePattern),
    // A name that seems to lead nowhere may be one of a file that could not be read.
    ...(isWhole(files, trees, problems) ? checkNames(trees) : []),
  ].sort((a, b) => compare(rank(files, a), rank(files, b)));
  const errors = found.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) return { ok: false, problems: errors };
  return {
    ok: true,
    tree: merged.tree,
    config: buildConfig(v.parse(schema, plain(merged.tree)), { path, digest, files }),
    warnings: found,
  };
}

function isWhole(files: readonly string[], trees: readonly Tree[], problems: readonly Problem[]): boolean {
  return trees.length >= files.length && problems.every(({ code }) => code !== 'CONFIG_UNREADABLE');
}

function rank(files: readonly string[], { file, line = 0, column = 0 }: Problem): readonly number[] {
  return [files.indexOf(file), line, column];
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((rank, index) => rank - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
