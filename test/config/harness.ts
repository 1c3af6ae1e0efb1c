import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { loadConfig, type ConfigResult } from '../../src/config/load.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { validatePattern } from '../../src/system/clock.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Not root's, so that who owns the test's files does not matter. */
const ANYBODY = 1000;

export interface Loaded {
  readonly result: ConfigResult;
  /** Problems or warnings as they are printed, the directory left out. */
  readonly text: string;
}

/** Loads `credrotate.yaml` of a fresh directory that holds these files, by their paths in it. */
export function load(t: TestContext, files: Readonly<Record<string, string | Buffer>>): Loaded {
  const directory = tempDir(t);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return loadFrom(directory);
}

export function loadFrom(directory: string, uid = ANYBODY): Loaded {
  const result = loadConfig(join(directory, 'credrotate.yaml'), { uid, validatePattern });
  const text = formatProblems(result.ok ? result.warnings : result.problems);
  return { result, text: text.replaceAll(`${directory}/`, '') };
}

/** Of a configuration that must be right. */
export function loadYaml(t: TestContext, yaml: string): Extract<ConfigResult, { ok: true }>['config'] {
  const { result, text } = load(t, { 'credrotate.yaml': yaml });
  if (!result.ok) throw new Error(text);
  return result.config;
}
