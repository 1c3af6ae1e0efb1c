import { dirname } from 'node:path';
import type { Command } from 'commander';
import { formatProblems, positionText, type Problem } from '../config/problem.ts';
import { INSTANCE, type Config, type ConsumerConfig } from '../core/config.ts';
import type { SuccessfulFetch } from '../core/contracts.ts';
import { toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import { EXIT, type ExitCode, exitCodeOfErrors, worstOf } from '../core/exit.ts';
import { byWeight, finding, findingOf, found, type Finding } from '../core/findings.ts';
import { idOf, named, sinkId } from '../core/sink-id.ts';
import { printable } from '../core/printable.ts';
import { closedBy, judgeConfinement } from '../doctor/judge/sinks.ts';
import type { Unseen } from '../doctor/contract.ts';
import { judgeConsumer } from '../doctor/judge/diagnose.ts';
import { judgeLockdown } from '../doctor/judge/host.ts';
import { foreseen } from '../report/diff.ts';
import { readLockdown } from '../lockdown/state.ts';
import { describeNotification, findingLines, sinkLines, warningLines } from '../report/print-report.ts';
import { count } from '../report/text.ts';
import { readState } from '../rotation/store.ts';
import type { SinkPreview } from '../sinks/contract.ts';
import { previewSinks } from '../sinks/apply.ts';
import { lookAtConsumers } from '../doctor/look/consumers.ts';
import { type LookDeps, openLook, SAMPLE } from '../doctor/look/deps.ts';
import { lookAtMetadata } from '../doctor/look/host.ts';
import { confinement } from '../doctor/look/sinks.ts';
import { isUsual, loadFor, requireConfig, withSinks, type ConfigFlags } from './options.ts';
import { runtimeDirectory, stateDirectory } from '../agent/published.ts';
import { UNITS, unitTrouble } from '../harden/sandbox.ts';
import { jsonOption, refusedSinks, type ReportOptions, showFound } from './show-report.ts';
import { sourceDeps, type Run, type World } from '../agent/world.ts';
import { createSources } from '../source/registry.ts';

interface CheckOptions extends ConfigFlags, ReportOptions {
  readonly configOnly?: true;
  readonly online?: true;
}

export function addCheck(program: Command, run: Run): void {
  withSinks(program.command('check'))
    .summary('say what a pass would meet, without writing')
    .description(
      'Read the configuration and look at each sink and each consumer as a pass would, without network and without ' +
        'writing anything. Ends with the code that a pass would.',
    )
    .option('--config-only', 'read the configuration alone, not the files and consumers that it names')
    .option('--conf-dir <directory>', 'take the files of this directory for those of conf.d, to try them')
    .option('--online', 'ask the metadata service as well')
    .addOption(jsonOption())
    .action((options: CheckOptions) => run((world) => check(world, options)));
}

async function check(world: World, options: CheckOptions): Promise<ExitCode> {
  const result = await loadFor(world, options);
  if (!options.json) requireConfig(result);
  const problems = result.ok ? result.warnings : result.problems;
  if (!options.json && problems.length > 0) world.complain(formatProblems(problems));
  const seen = result.ok && !options.configOnly ? await examine(world, result.config, options) : NOTHING;
  const sinks = seen.sinks.map((sink) => foreseen(sink, false));
  const exitCode = result.ok ? seen.exitCode : EXIT.config;
  const findings = [
    ...problems.map(describeProblem),
    ...refusedSinks(sinks, 'a pass will not write this sink'),
    ...seen.findings,
  ];
  return await showFound(
    world,
    options,
    { command: 'check', exitCode, findings, sinks, unseen: seen.unseen },
    ({ at }) => (result.ok ? textOf(result.config, seen, at) : ''),
  );
}

interface CheckedHost {
  readonly sinks: readonly SinkPreview[];
  readonly goodConsumers: readonly ConsumerConfig[];
  /** Beside those of the sinks. */
  readonly findings: readonly Finding[];
  readonly exitCode: ExitCode;
  readonly unseen: readonly Unseen[];
}

const NOTHING: CheckedHost = { sinks: [], goodConsumers: [], findings: [], exitCode: EXIT.done, unseen: [] };

const SAMPLED = { ok: true, credentials: SAMPLE, origin: {} } as const;

async function examine(world: World, config: Config, options: CheckOptions): Promise<CheckedHost> {
  const { deps, unseen } = await openLook(world, config);
  const fetched = options.online ? (await lookAtMetadata(world, config)).fetched : SAMPLED;
  const { sinks, errors: source } = await previewBySource(world, deps, fetched.ok ? fetched : SAMPLED);
  if (!fetched.ok) source.push(fetched.error);
  const consumers = (await lookAtConsumers(deps)).flatMap(judgeConsumer).filter(({ severity }) => severity === 'error');
  // The units read no other configuration.
  const isTheirs = isUsual(options) && options.confDir === undefined;
  const units = isTheirs ? await judgeUnits(world, deps) : [];
  const own = isTheirs && world.uid !== 0 ? { errors: [], findings: [] } : judgeDirectories(world);
  const errors = [...sinks.flatMap(({ error }) => error ?? []), ...own.errors, ...source];
  return {
    sinks,
    goodConsumers: config.consumers.filter(({ name }) => !consumers.some(({ subject }) => subject === name)),
    findings: [
      ...source.map((error) => findingOf('source-failing', { subject: 'source', problem: 'it gives none' }, error)),
      ...own.findings,
      ...consumers,
      ...units,
    ],
    exitCode: worstOf([
      exitCodeOfErrors(errors),
      ...(consumers.length > 0 ? [EXIT.consumerPending] : []),
      ...(units.some(({ id }) => id === 'sink-confined') ? [EXIT.sinkFailed] : []),
    ]),
    unseen: [...unseen.values()],
  };
}

/** Each source is asked for the user who decides what it gives, and for nothing else: sinks of others refuse that. */
async function previewBySource(
  world: World,
  { sinks: sinkDeps, config, miss }: LookDeps,
  { credentials, origin }: typeof SAMPLED | SuccessfulFetch,
): Promise<{ readonly sinks: readonly SinkPreview[]; readonly errors: ErrorInfo[] }> {
  const { sinks: wanted, trustedGroups, privateVolumes } = config;
  const sources = createSources(config, sourceDeps(world, await world.services(), await world.openLog(config.log)));
  // The records have the attributes that files had before us.
  const records = readState(stateDirectory(world)).sinks;
  const errors: ErrorInfo[] = [];
  const userOf = async (name: string): Promise<number | undefined> => {
    try {
      return name === INSTANCE ? undefined : await sources(name).user?.(world.stop);
    } catch (error) {
      const info = toErrorInfo(error);
      if (world.uid === 0) errors.push(info);
      else miss({ subject: `source ${name}`, reason: info.message });
      return undefined;
    }
  };
  const previews = new Map<string, SinkPreview>();
  for (const [name, sinks] of Map.groupBy(wanted, ({ source }) => source)) {
    const user = await userOf(name);
    const given = user === undefined ? origin : { ...origin, user };
    const request = { credentials, origin: given, rotated: true, records, sinks, trustedGroups, privateVolumes };
    for (const preview of await previewSinks(sinkDeps, request)) previews.set(sinkId(preview), preview);
  }
  return { sinks: wanted.flatMap((sink) => previews.get(idOf(sink)) ?? []), errors };
}

/** The directories of the agent. A pass works without a status, and warns. */
function judgeDirectories(world: World): {
  readonly errors: readonly ErrorInfo[];
  readonly findings: readonly Finding[];
} {
  const [state, status] = [stateDirectory(world).trouble(), runtimeDirectory(world).trouble()];
  const problem = 'it cannot be kept';
  const findings = found(
    state && findingOf('state-unwritable', { subject: 'state', problem }, state),
    status && findingOf('state-unwritable', { subject: 'status', problem, severity: 'warning' }, status),
  );
  return { errors: state ? [state] : [], findings };
}

/** Judges units that do not match the configuration. Only root can see the rules of the lockdown. */
async function judgeUnits(world: World, deps: LookDeps): Promise<readonly Finding[]> {
  const { config } = deps;
  const unit = await confinement(deps);
  const closed = found(
    ...config.sinks.map(({ path }) => judgeConfinement(path, unit && closedBy(unit, dirname(path)))),
  );
  const own = unitTrouble(config, UNITS);
  const findings = [...closed, ...own.filter(({ subject }) => !closed.some((other) => other.subject === subject))];
  if (world.uid !== 0) return findings;
  const { state, reason } = await readLockdown(await world.services(), config.lockdown);
  const isTrouble = reason !== undefined && (state === 'drifted' || state === 'on');
  return isTrouble ? [...findings, ...found(judgeLockdown({ state: 'drifted', reason }))] : findings;
}

function describeProblem({ severity, path, message, hint, ...place }: Problem): Finding {
  const id = ({ error: 'config-refused', warning: 'config-doubtful', note: 'config-overridden' } as const)[severity];
  const problem = path === '' ? message : `${path}: ${message}`;
  return finding(id, severity, positionText(place), {
    problem,
    evidence: [],
    remedy: { text: hint ?? 'correct it there' },
  });
}

function textOf(config: Config, { sinks, goodConsumers, findings, unseen }: CheckedHost, at: string): string {
  return [
    head(config),
    ...named(sinks).flatMap(describe),
    ...goodConsumers.map((consumer) => `ok        ${consumer.name} (${describeNotification(consumer)})`),
    ...findings.toSorted(byWeight).flatMap((finding) => findingLines(finding, at)),
    ...unseen.map(({ subject, reason }) => `unseen    ${subject}: ${reason}`),
    '',
  ].join('\n');
}

function head({ files, sinks, consumers }: Config): string {
  const where = files.length === 0 ? 'flags' : files.join(', ');
  return `${where}: ok, ${count(sinks.length, 'sink')}, ${count(consumers.length, 'consumer')}`;
}

function describe(sink: SinkPreview & { readonly name: string }): string[] {
  if (sink.error) return sinkLines({ ...foreseen(sink, false), name: sink.name });
  const there = sink.drift.includes('missing') ? 'will be created' : 'is there';
  return [printable(`ok        ${sink.name} (${there})`), ...warningLines(...sink.warnings)];
}
