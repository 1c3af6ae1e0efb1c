import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { removePublished, stateDirectory } from '../agent/published.ts';
import { sinkDeps, takeLock } from '../agent/session.ts';
import type { Run, World } from '../agent/world.ts';
import { INSTANCE, type Config, type SinkConfig } from '../core/config.ts';
import type { Log } from '../core/contracts.ts';
import { AgentError, type ErrorInfo } from '../core/errors.ts';
import { type ExitCode, exitCodeOfErrors } from '../core/exit.ts';
import { findingOf } from '../core/findings.ts';
import { idOf, keyOf, named, namesOf } from '../core/sink-id.ts';
import { foreseen } from '../report/diff.ts';
import { errorLines, sinkLines } from '../report/print-report.ts';
import { byKey, forgetWritten, letGo } from '../rotation/forget.ts';
import { leftBehind } from '../rotation/state.ts';
import { readState, StateStore } from '../rotation/store.ts';
import { forgetSinks, previewForget } from '../sinks/apply.ts';
import type { SinkPreview } from '../sinks/contract.ts';
import { namesSinks, readConfig, withSinks, type ConfigFlags } from './options.ts';
import { jsonOption, refusedSinks, type ReportOptions, showFound } from './show-report.ts';

interface ForgetFlags extends ConfigFlags, ReportOptions {
  readonly all?: true;
  readonly source?: readonly string[];
  readonly dryRun?: true;
  readonly keep?: true;
  readonly force?: true;
}

export function addForget(program: Command, run: Run): void {
  withSinks(program.command('forget'))
    .argument('[sinks...]', 'their paths; one of several that keep a file: its path and part, as status names it')
    .summary('remove what was written, and nothing else')
    .description(
      'Remove our keys, variables and values from sinks, and delete files with no other content. A file that does ' +
        'not hold the credentials that were written last is left alone.',
    )
    .option('--all', 'all sinks, and the state: before an image is made of this machine')
    .addOption(
      new Option('--source <source...>', 'only sinks that hold the credentials of these sources').conflicts('all'),
    )
    .option('--keep', 'leave files that were sinks once as they are, and stop watching over them')
    .option('--dry-run', 'show what would be removed, without secrets')
    .addOption(jsonOption())
    .option('--force', 'remove our keys even if they are not those that were written last')
    .action((paths: readonly string[], options: ForgetFlags) => run((world) => forget(world, paths, options)));
}

async function forget(world: World, names: readonly string[], options: ForgetFlags): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const left = leftBehind(readState(stateDirectory(world)), config.sinks).map(({ sink }) => sink);
  const known = ofSources(options.keep ? left : [...config.sinks, ...left], config, options);
  const sinks = choose(known, names, options);
  if (options.dryRun) return report(world, options, await preview(world, config, sinks, options));
  const log = await world.openLog(config.log);
  const lock = takeLock(world, await world.services(), log);
  if (lock === 'busy') throw busy(world);
  try {
    return await forgetNow(world, { config, sinks, options }, log);
  } finally {
    lock?.[Symbol.dispose]();
  }
}

function ofSources(sinks: readonly SinkConfig[], config: Config, { source }: ForgetFlags): readonly SinkConfig[] {
  if (!source) return sinks;
  const names = new Set([INSTANCE, ...config.sources.map(({ name }) => name), ...sinks.map((sink) => sink.source)]);
  const unknown = source.filter((name) => !names.has(name));
  if (unknown.length === 0) return sinks.filter((sink) => source.includes(sink.source));
  const message = `--source: expected sources of the configuration, or of files that were sinks, got ${unknown.join(', ')}`;
  throw new AgentError('USAGE', message, { hint: `one of ${[...names].join(', ')}` });
}

function choose(known: readonly SinkConfig[], wanted: readonly string[], options: ForgetFlags): readonly SinkConfig[] {
  const isMeant = (sink: SinkConfig, name: string): boolean => sink.path === resolve(name) || idOf(sink) === name;
  const unknown = wanted.filter((name) => !known.some((sink) => isMeant(sink, name)));
  if (unknown.length > 0 || (wanted.length === 0 && !options.all && !options.source && !namesSinks(options))) {
    const got = unknown.length > 0 ? unknown.join(', ') : 'none';
    const expected = options.keep ? 'files that were sinks once' : 'sinks of the configuration, or files that were';
    const hint = `one of ${namesOf(known).join(', ')}${options.keep ? '' : '; or --all'}`;
    throw new AgentError('USAGE', `forget: expected ${expected}, got ${got}`, { hint });
  }
  if (wanted.length === 0 || options.all) return known;
  return known.filter((sink) => wanted.some((name) => isMeant(sink, name)));
}

function busy(world: World): AgentError {
  return new AgentError('AGENT_BUSY', `${world.directories.state}: a running credrotate holds the lock`, {
    hint: 'stop it first (systemctl stop credrotate): it would write its sinks again',
  });
}

async function preview(
  world: World,
  { trustedGroups, privateVolumes }: Config,
  sinks: readonly SinkConfig[],
  options: ForgetFlags,
): Promise<readonly SinkPreview[]> {
  if (options.keep) return sinks.map(kept);
  const { force = false } = options;
  const deps = sinkDeps(await world.services());
  const outcomes: SinkPreview[] = [];
  const state = readState(stateDirectory(world));
  for (const [keyId, some] of byKey(state, sinks)) {
    const request = { sinks: some, trustedGroups, privateVolumes, keyId, force, records: state.sinks };
    outcomes.push(...(await previewForget(deps, request)));
  }
  return outcomes;
}

interface Chosen {
  readonly config: Config;
  readonly sinks: readonly SinkConfig[];
  readonly options: ForgetFlags;
}

async function forgetNow(world: World, { config, sinks, options }: Chosen, log: Log): Promise<ExitCode> {
  const store = StateStore.open(stateDirectory(world), log);
  if (options.keep) {
    await letGo(store, new Set(sinks.map(idOf)));
    return report(world, options, sinks.map(kept), store.trouble ? [store.trouble] : []);
  }
  const deps = sinkDeps(await world.services());
  const { force = false, all = false } = options;
  const { outcomes, errors } = await forgetWritten(
    { store, forgetSinks: (request) => forgetSinks(deps, request) },
    { sinks, trustedGroups: config.trustedGroups, privateVolumes: config.privateVolumes, force, all },
  );
  return report(world, options, outcomes, all ? [...errors, ...removePublished(world, config)] : errors);
}

/** The outcome of a file that forget --keep leaves as it is. */
function kept(sink: SinkConfig): SinkPreview {
  return { ...keyOf(sink), format: sink.format, result: 'unchanged', bytesChanged: false, drift: [], warnings: [] };
}

/** `errors`: beside those of the sinks. */
function report(
  world: World,
  options: ForgetFlags,
  outcomes: readonly SinkPreview[],
  errors: readonly ErrorInfo[] = [],
): Promise<ExitCode> {
  const state = { subject: 'state', problem: 'not all is forgotten' };
  const findings = [
    ...refusedSinks(outcomes, 'it keeps what we wrote'),
    ...errors.map((error) => findingOf('state-unwritable', state, error)),
  ];
  const exitCode = exitCodeOfErrors([...outcomes.flatMap(({ error }) => error ?? []), ...errors]);
  const sinks = outcomes.map((outcome) => foreseen(outcome, options.dryRun ?? false));
  return showFound(world, options, { command: 'forget', exitCode, findings, sinks, errors }, () =>
    [...named(sinks).flatMap((sink) => sinkLines(sink)), ...errors.flatMap(errorLines), ''].join('\n'),
  );
}
