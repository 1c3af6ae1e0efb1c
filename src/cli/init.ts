import { type Command, InvalidArgumentError } from 'commander';
import { resolve } from 'node:path';
import type { Run, World } from '../agent/world.ts';
import type { DraftConsumer, DraftSink } from '../config/draft.ts';
import { formatProblems } from '../config/problem.ts';
import { type Reading, readPath, readUnit } from '../config/scalars.ts';
import type { SinkConfig } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { octal } from '../core/printable.ts';
import { CommandFailure, DROP_INS, namesSinks, withSinkFlags, type SinkFlags } from './options.ts';

interface InitOptions extends SinkFlags {
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
  const { refuseToReplace, refuseUnsafe, requireGood, writeConfig } = await import('./init-file.ts');
  const { draftConfig } = await import('../config/draft.ts');
  // Not normalized: what `..` means behind a symlink the walk knows.
  const target =
    options.dryRun || options.output === '-' ? undefined : options.output.replace(/^(?!\/)/, `${process.cwd()}/`);
  if (target !== undefined) refuseUnsafe(world, target);
  if (target !== undefined && !options.force) refuseToReplace(world, target);
  const sinks = await chooseSinks(world, options, target);
  if (sinks === undefined) return EXIT.done;
  const text = draftConfig(sinks);
  await requireGood(world, target, text);
  if (target !== undefined) return await writeConfig(world, target, text);
  world.print(text);
  return EXIT.done;
}

/** Undefined when who was asked wants nothing to be written. */
async function chooseSinks(
  world: World,
  options: InitOptions,
  target: string | undefined,
): Promise<readonly DraftSink[] | undefined> {
  if (namesSinks(options)) return await sinksOfOptions(options);
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new AgentError('USAGE', 'init: expected options that name sinks, or a terminal for questions, got neither', {
      hint: 'such as: credrotate init --dotenv /etc/myapp/aws.env',
    });
  }
  const { askOnTerminal } = await import('./init-questions.ts');
  return await askOnTerminal(world.stop, target);
}

async function sinksOfOptions(options: InitOptions): Promise<readonly DraftSink[]> {
  const { configFromFlags } = await import('../config/assemble.ts');
  const result = configFromFlags({ ...options });
  if (!result.ok) throw new CommandFailure(formatProblems(result.problems), EXIT.config);
  const notify: readonly DraftConsumer[] = [
    ...(options.reload ?? []).map((unit) => ({ type: 'systemd', unit }) as const),
    ...(options.signalPidFile ?? []).map((pidFile) => ({ type: 'signal', pidFile }) as const),
  ];
  return result.config.sinks.map((sink) => draftOf(sink, notify));
}

function draftOf(sink: SinkConfig, notify: readonly DraftConsumer[]): DraftSink {
  const { format, path, owner, group, mode } = sink;
  return {
    format,
    path,
    notify,
    mode: octal(mode),
    ...(sink.format === 'aws-credentials' && { profile: sink.profile }),
    ...(owner !== undefined && { owner: String(owner) }),
    ...(group !== undefined && { group: String(group) }),
  };
}
