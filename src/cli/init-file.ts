import { basename, dirname, join } from 'node:path';
import { assemble } from '../config/assemble.ts';
import { parseYaml } from '../config/document.ts';
import { loadConfig, MAIN_FILE, readConfigFile, type ConfigResult } from '../config/load.ts';
import { formatProblems } from '../config/problem.ts';
import { entriesAt, itemsAt } from '../config/tree.ts';
import { AgentError, describeForeign } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { shellWord } from '../core/shell-word.ts';
import { OwnDirectory } from '../files/own.ts';
import { hasSystemd } from '../host/tool.ts';
import { errorOf, openDirectory } from '../paths/policies.ts';
import { count } from '../report/text.ts';
import { CommandFailure, DEFAULT_CONFIG } from './options.ts';
import type { Services, World } from '../agent/world.ts';

/** A configuration that somebody made is not to be lost; one without sinks may go. */
export function refuseToReplace(world: World, path: string): void {
  if (!isThere(world, path)) return;
  const read = readConfigFile(path, world.uid);
  const parsed = read.ok ? parseYaml(path, read.text) : undefined;
  const got = parsed?.ok
    ? itemsAt(parsed.tree, ['sinks']).length + entriesAt(parsed.tree, ['consumers']).length
    : undefined;
  if (got === 0) return;
  const found = got === undefined ? 'one that cannot be read' : 'one with sinks or consumers';
  throw new AgentError('USAGE', `${path}: expected a configuration that may be replaced, got ${found}`, {
    hint: 'edit it, write another one with --output, or replace it with --force',
  });
}

function isThere(world: World, path: string): boolean {
  using found = openDirectory('configuration', dirname(path), world);
  if (found.kind !== 'directory' || found.missing.length > 0) return false;
  using there = found.held.open(basename(path));
  return there !== undefined;
}

/** Nothing is made where somebody else could put something in its place: it would be refused there, too. */
export function refuseUnsafe(world: World, path: string): void {
  using found = openDirectory('configuration', dirname(path), world);
  if (found.kind === 'directory') return;
  if (found.kind === 'refused' && found.refusal.why === 'errno') throw cannot(path, 'written', found.refusal.error);
  const { code, message } = found.kind === 'refused' ? found.error : errorOf('configuration', dirname(path), found);
  throw new AgentError(code, `${path}: ${message}`, { hint: 'name a file with --output that only you can change' });
}

/** What is written is what `check` takes, together with what is there. */
export async function requireGood(world: World, target: string | undefined, text: string): Promise<void> {
  const result = target === undefined ? alone(text) : await load(world, target, text);
  if (!result.ok) throw new CommandFailure(formatProblems(result.problems), EXIT.config);
}

function alone(text: string): ConfigResult {
  const parsed = parseYaml('draft', text);
  if (!parsed.ok) return parsed;
  return assemble({ files: ['draft'], trees: [parsed.tree], problems: [], validatePattern: () => undefined });
}

/** The configuration that a file is a part of. */
async function load(world: World, target: string, text?: string): Promise<ConfigResult> {
  const { validatePattern } = await world.services();
  const draft = text === undefined ? {} : { draft: { path: target, text } };
  return loadConfig(wholeOf(target), { uid: world.uid, validatePattern, ...draft });
}

function wholeOf(target: string): string {
  const directory = dirname(target);
  return basename(directory) === 'conf.d' ? join(dirname(directory), MAIN_FILE) : target;
}

/** Everybody may read it. Says what to do next, and what is wrong with it where it now lies. */
export async function writeConfig(world: World, path: string, text: string): Promise<ExitCode> {
  const services = await world.services();
  try {
    const directory = new OwnDirectory(dirname(path), world, { mode: 0o755, use: 'configuration' });
    await directory.write(basename(path), { bytes: Buffer.from(text), mode: 0o644 });
  } catch (error) {
    throw cannot(path, 'written', error);
  }
  const result = await load(world, path);
  if (!result.ok) throw new CommandFailure(formatProblems(result.problems), EXIT.config);
  if (result.warnings.length > 0) world.complain(formatProblems(result.warnings));
  const { sinks, consumers } = result.config;
  world.show(
    `${path}: written, ${count(sinks.length, 'sink')}, ${count(consumers.length, 'consumer')}\n${next(path, services)}`,
  );
  return EXIT.done;
}

function cannot(path: string, what: string, error: unknown): AgentError {
  return new AgentError('CONFIG_UNREADABLE', `${path}: cannot be ${what}: ${describeForeign(error)}`, {
    hint: 'run it as root (sudo), or name another file with --output',
    cause: error,
  });
}

function next(path: string, services: Services): string {
  const isUsual = wholeOf(path) === DEFAULT_CONFIG;
  const option = isUsual ? '' : ` --config ${shellWord(wholeOf(path))}`;
  const steps = [
    [`credrotate check${option}`, 'looks at the places of the files'],
    [`credrotate plan${option}`, 'shows what would be written'],
    isUsual && hasSystemd(services)
      ? ['systemctl enable --now credrotate', 'keeps the files up to date']
      : [`credrotate run${option}`, 'keeps the files fresh'],
  ] as const;
  const width = Math.max(...steps.map(([command]) => command.length));
  return `next:\n${steps.map(([command, what]) => `  ${command.padEnd(width)}  ${what}\n`).join('')}`;
}
