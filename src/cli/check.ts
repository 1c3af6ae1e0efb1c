import { dirname } from 'node:path';
import type { Command } from 'commander';
import { formatProblems, placeText, type Problem } from '../config/problem.ts';
import type { Config } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { EXIT, type ExitCode, exitCodeOfErrors, worstOf } from '../core/exit.ts';
import { byWeight, findingOf, found, type Finding } from '../core/findings.ts';
import { named } from '../core/sink-id.ts';
import { printable } from '../core/printable.ts';
import { closedBy, judgeConfinement } from '../doctor/judge/sinks.ts';
import type { Unseen } from '../doctor/contract.ts';
import { judgeConsumer } from '../doctor/judge/diagnose.ts';
import { judgeLockdown } from '../doctor/judge/host.ts';
import { foreseen } from '../report/diff.ts';
import { readLockdown } from '../lockdown/state.ts';
import { describeNotification, findingLines, sinkLines, warningLines } from '../report/print-report.ts';
import type { Report } from '../report/schema.ts';
import { reportOf } from '../report/report.ts';
import { count } from '../report/text.ts';
import { readState } from '../rotation/store.ts';
import type { SinkPreview } from '../sinks/contract.ts';
import { previewSinks } from '../sinks/apply.ts';
import { lookAtConsumers } from '../doctor/look/consumers.ts';
import { type LookDeps, openLook, SAMPLE } from '../doctor/look/deps.ts';
import { lookAtMetadata } from '../doctor/look/host.ts';
import { confinement } from '../doctor/look/sinks.ts';
import { CommandFailure, isUsual, loadFor, withSinks, type SinkFlags } from './options.ts';
import { runtimeDirectory, stateDirectory } from '../agent/published.ts';
import { UNITS, unitTrouble } from '../harden/sandbox.ts';
import { jsonOption, type ReportOptions, showReport } from './show-report.ts';
import type { Run, World } from '../agent/world.ts';

interface CheckOptions extends SinkFlags, ReportOptions {
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
  const { clock } = await world.services();
  const result = await loadFor(world, options);
  const problems = result.ok ? result.warnings : result.problems;
  if (!options.json && !result.ok) throw new CommandFailure(formatProblems(problems), EXIT.config);
  if (!options.json && problems.length > 0) world.complain(formatProblems(problems));
  const seen = result.ok && !options.configOnly ? await examine(world, result.config, options) : NOTHING;
  const { sinks, findings, codes, unseen } = seen;
  const exitCode = result.ok ? worstOf(codes) : EXIT.config;
  const all = [...problems.map(describeProblem), ...named(sinks).flatMap(judgeSink), ...findings];
  const report = reportOf(
    'check',
    { exitCode, findings: all, sinks: sinks.map((sink) => foreseen(sink, false)), unseen },
    clock.now(),
  );
  return showReport(world, options, report, () => (result.ok ? textOf(result.config, seen, report) : ''));
}

interface Seen {
  readonly sinks: readonly SinkPreview[];
  /** Beside those of the sinks. */
  readonly findings: readonly Finding[];
  readonly codes: readonly ExitCode[];
  readonly unseen: readonly Unseen[];
  readonly isWhole: boolean;
}

const SAMPLED = { ok: true, credentials: SAMPLE, origin: {} } as const;

const NOTHING: Seen = { sinks: [], findings: [], codes: [], unseen: [], isWhole: false };

async function examine(world: World, config: Config, options: CheckOptions): Promise<Seen> {
  const { deps, unseen } = await openLook(world, config);
  const fetched = options.online ? (await lookAtMetadata(world, config)).fetched : SAMPLED;
  const [wish, source] = fetched.ok ? [fetched, []] : [SAMPLED, [fetched.error]];
  const { sinks: wanted, trustedGroups } = config;
  // For what the files had before us.
  const records = readState(stateDirectory(world)).sinks;
  const sinks = await previewSinks(deps.sinks, { ...wish, rotated: true, records, sinks: wanted, trustedGroups });
  const consumers = (await lookAtConsumers(deps)).flatMap(judgeConsumer).filter(({ severity }) => severity === 'error');
  // The units read no other configuration.
  const isTheirs = isUsual(options) && options.confDir === undefined;
  const units = isTheirs ? await judgeUnits(world, deps) : [];
  const { state, findings: own } = isTheirs && world.uid !== 0 ? { state: [], findings: [] } : judgeOwn(world);
  const errors = [...sinks.flatMap(({ error }) => error ?? []), ...state, ...source];
  return {
    sinks,
    findings: [
      ...source.map((error) => findingOf('source-failing', { subject: 'source', problem: 'it gives none' }, error)),
      ...own,
      ...consumers,
      ...units,
    ],
    codes: [
      exitCodeOfErrors(errors),
      ...(consumers.length > 0 ? [EXIT.consumerPending] : []),
      ...(units.some(({ id }) => id === 'sink-confined') ? [EXIT.sinkFailed] : []),
    ],
    unseen: [...unseen.values()],
    isWhole: true,
  };
}

/** Our own directories: a pass goes on without a status, of which it warns. */
function judgeOwn(world: World): { readonly state: readonly ErrorInfo[]; readonly findings: readonly Finding[] } {
  const problem = 'it cannot be kept';
  const [state, status] = [stateDirectory(world).trouble(), runtimeDirectory(world).trouble()];
  return {
    state: state ? [state] : [],
    findings: [
      ...(state ? [findingOf('state-unwritable', { subject: 'state', problem }, state)] : []),
      ...(status ? [findingOf('state-unwritable', { subject: 'status', problem, severity: 'warning' }, status)] : []),
    ],
  };
}

/** What of the units does not go with the configuration. The rules of lockdown are for root alone to see. */
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
  return {
    id,
    severity,
    subject: placeText(place),
    problem,
    evidence: [],
    remedy: { text: hint ?? 'correct it there' },
  };
}

type Named = SinkPreview & { readonly name: string };

function judgeSink({ name: subject, error }: Named): readonly Finding[] {
  return error ? [findingOf('sink-refused', { subject, problem: 'a pass will not write this sink' }, error)] : [];
}

function textOf(config: Config, { sinks, findings, unseen, isWhole }: Seen, { at }: Pick<Report, 'at'>): string {
  const failing = new Set(findings.map(({ subject }) => subject));
  const good = isWhole ? config.consumers.filter(({ name }) => !failing.has(name)) : [];
  return [
    head(config),
    ...named(sinks).flatMap(describe),
    ...good.map((consumer) => `ok        ${consumer.name} (${describeNotification(consumer)})`),
    ...findings.toSorted(byWeight).flatMap((finding) => findingLines(finding, at)),
    ...unseen.map(({ subject, reason }) => `unseen    ${subject}: ${reason}`),
    '',
  ].join('\n');
}

function head({ files, sinks, consumers }: Config): string {
  const where = files.length === 0 ? 'flags' : files.join(', ');
  return `${where}: ok, ${count(sinks.length, 'sink')}, ${count(consumers.length, 'consumer')}`;
}

function describe(sink: Named): string[] {
  if (sink.error) return sinkLines({ ...foreseen(sink, false), name: sink.name });
  const there = sink.drift.includes('missing') ? 'will be created' : 'is there';
  return [printable(`ok        ${sink.name} (${there})`), ...warningLines(...sink.warnings)];
}
