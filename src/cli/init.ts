import { type Command, InvalidArgumentError } from 'commander';
import { basename, dirname, join, resolve } from 'node:path';
import type { Services, World, Run } from '../agent/world.ts';
import { assemble } from '../config/assemble.ts';
import { parseYaml } from '../config/document.ts';
import { draftConfig, type DraftConsumer, type DraftSink } from '../config/draft.ts';
import { loadConfig, MAIN_FILE, readConfigFile, type ConfigResult } from '../config/load.ts';
import { formatProblems } from '../config/problem.ts';
import { type Reading, readPath, readUnit } from '../config/scalars.ts';
import { entriesAt, itemsAt } from '../config/tree.ts';
import type { SinkConfig } from '../core/config.ts';
import { AgentError, describeForeign } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { octal, shellWord } from '../core/printable.ts';
import { OwnDirectory } from '../files/own.ts';
import { hasSystemd } from '../host/tool.ts';
import { errorOf, openDirectory } from '../paths/policies.ts';
import { count } from '../report/text.ts';
import {
  DEFAULT_CONFIG,
  DROP_INS,
  loadFor,
  namesSinks,
  requireConfig,
  withSinkFlags,
  type ConfigFlags,
} from './options.ts';

interface InitOptions extends ConfigFlags {
  readonly reload?: readonly string[];
  readonly signalPidFile?: readonly string[];
  readonly output: string;
  readonly dryRun?: true;
  readonly force?: true;
}

export function addInit(program: Command, run: Run): void {
  withSinkFlags(program.command('init'))
    .summary('write a first configuration')
    .description('Write a configuration with comments, from options, or on a terminal from answers to some questions.')
    .option('--reload <unit...>', 'a systemd unit to reload or restart when the files change', addUnit)
    .option('--signal-pid-file <file...>', 'the pid file of a process to send SIGHUP to then', addPidFile)
    .option('-o, --output <file>', 'where to write it; - is standard output', `${DROP_INS}/sinks.yaml`)
    .option('--dry-run', 'print it, write nothing')
    .option('--force', 'replace a configuration that has sinks')
    .action((options: InitOptions) => run((world) => init(world, options)));
}

function addUnit(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, accepted(readUnit(text), 'a systemd unit such as myapp.service')];
}

function addPidFile(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, accepted(readPath(resolve(text)), 'a path')];
}

function accepted<T>(reading: Reading<T>, usual: string): T {
  if ('value' in reading) return reading.value;
  const { expected = usual, hint } = reading;
  throw new InvalidArgumentError(`expected ${hint === undefined ? expected : `${expected}: ${hint}`}`);
}

async function init(world: World, options: InitOptions): Promise<ExitCode> {
  // Not normalized: `..` behind a symlink is for the walk.
  const target =
    options.dryRun || options.output === '-' ? undefined : options.output.replace(/^(?!\/)/, `${process.cwd()}/`);
  if (target !== undefined) refuseUnsafe(world, target);
  if (target !== undefined && !options.force) refuseToReplace(world, target);
  const sinks = await chooseSinks(world, options, target);
  if (sinks === undefined) return EXIT.done;
  const text = draftConfig(sinks);
  // `check` must accept the new file together with the existing ones.
  requireConfig(target === undefined ? alone(text) : await load(world, target, text));
  if (target !== undefined) return await writeConfig(world, target, text);
  world.print(text);
  return EXIT.done;
}

/** Undefined if the person decides to write nothing. */
async function chooseSinks(
  world: World,
  options: InitOptions,
  target: string | undefined,
): Promise<readonly DraftSink[] | undefined> {
  if (namesSinks(options)) return await sinksOfOptions(world, options);
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new AgentError('USAGE', 'init: expected options that name sinks, or a terminal for questions, got neither', {
      hint: 'such as: credrotate init --dotenv /etc/myapp/aws.env',
    });
  }
  const { askOnTerminal } = await import('./init-questions.ts');
  return await askOnTerminal(world.stop, target);
}

async function sinksOfOptions(world: World, options: InitOptions): Promise<readonly DraftSink[]> {
  const { config } = requireConfig(await loadFor(world, options));
  const notify: readonly DraftConsumer[] = [
    ...(options.reload ?? []).map((unit) => ({ type: 'systemd', unit }) as const),
    ...(options.signalPidFile ?? []).map((pidFile) => ({ type: 'signal', pidFile }) as const),
  ];
  return config.sinks.map((sink) => draftOf(sink, notify));
}

function draftOf(sink: SinkConfig, notify: readonly DraftConsumer[]): DraftSink {
  const { path, owner, group, mode } = sink;
  return {
    format: sink.format,
    path,
    notify,
    mode: octal(mode),
    settings: sink.format === 'aws-credentials' ? { profile: sink.profile } : {},
    ...(owner !== undefined && { owner: String(owner) }),
    ...(group !== undefined && { group: String(group) }),
  };
}

/** A configuration of somebody's must not be lost; one without sinks may go. */
function refuseToReplace(world: World, path: string): void {
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

/** Makes no file where another user could replace it: every command would refuse it there. */
function refuseUnsafe(world: World, path: string): void {
  using found = openDirectory('configuration', dirname(path), world);
  if (found.kind === 'directory') return;
  if (found.kind === 'refused' && found.refusal.why === 'errno') throw cannotWrite(path, found.refusal.error);
  const { code, message } = found.kind === 'refused' ? found.error : errorOf('configuration', dirname(path), found);
  throw new AgentError(code, `${path}: ${message}`, { hint: 'name a file with --output that only you can change' });
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

/** Everybody may read the file. Prints the next steps, and its problems at its place. */
async function writeConfig(world: World, path: string, text: string): Promise<ExitCode> {
  const services = await world.services();
  try {
    const directory = new OwnDirectory(dirname(path), world, { mode: 0o755, use: 'configuration' });
    await directory.write(basename(path), { bytes: Buffer.from(text), mode: 0o644 });
  } catch (error) {
    throw cannotWrite(path, error);
  }
  const { warnings, config } = requireConfig(await load(world, path));
  if (warnings.length > 0) world.complain(formatProblems(warnings));
  const { sinks, consumers } = config;
  world.show(
    `${path}: written, ${count(sinks.length, 'sink')}, ${count(consumers.length, 'consumer')}\n${next(path, services)}`,
  );
  return EXIT.done;
}

function cannotWrite(path: string, error: unknown): AgentError {
  return new AgentError('CONFIG_UNREADABLE', `${path}: cannot be written: ${describeForeign(error)}`, {
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
