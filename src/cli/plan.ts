import type { Command } from 'commander';
import { stateDirectory } from '../agent/published.ts';
import { sinkDeps } from '../agent/session.ts';
import { sourceDeps, type Run, type World } from '../agent/world.ts';
import { notableSkew, sourceTime } from '../core/clock-skew.ts';
import type { Config, SinkConfig } from '../core/config.ts';
import type { Fetched } from '../core/contracts.ts';
import { displayKeyId } from '../core/credentials.ts';
import { type ExitCode, exitCodeOfErrors } from '../core/exit.ts';
import { findingOf } from '../core/findings.ts';
import { idOf, keyOf, namesOf, sinkId } from '../core/sink-id.ts';
import { dryRun } from '../notify/notify.ts';
import { foreseen } from '../report/diff.ts';
import { printPlan, prospective } from '../report/print-report.ts';
import type { Report, SinkStatus } from '../report/schema.ts';
import { accept, type Decision } from '../rotation/accept.ts';
import { dueAt, isEndedFor, notifyRequest, sinksOf, spreadOf } from '../rotation/pending.ts';
import { isBetterGone, keptSkew, stateAfter } from '../rotation/rotate.ts';
import { EMPTY_STATE, memoryOf, withoutBackoff, type AgentState } from '../rotation/state.ts';
import { readState } from '../rotation/store.ts';
import { previewSinks } from '../sinks/apply.ts';
import type { SinkPreview } from '../sinks/contract.ts';
import { createSources, sourcesInUse } from '../source/registry.ts';
import { readConfig, withSinks, type ConfigFlags } from './options.ts';
import { jsonOption, refusedSinks, screenOf, showFound, type ReportOptions } from './show-report.ts';

interface PlanOptions extends ConfigFlags, ReportOptions {
  readonly accept?: true;
  /** The names of sources; unset: all. */
  readonly source?: readonly string[];
}

export function addPlan(program: Command, run: Run): void {
  withSinks(program.command('plan'))
    .summary('show what a pass would change, without secrets')
    .description(
      'Fetch the credentials and show what a pass would change and which consumers it would notify. Writes nothing.',
    )
    .option('--accept', 'as if it took what the source gives, even if that expires before the current credentials')
    .option('--source <source...>', 'only these sources, and the sinks that hold their credentials')
    .addOption(jsonOption())
    .action((options: PlanOptions) => run((world) => plan(world, options)));
}

export async function plan(world: World, options: PlanOptions): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const { clock } = await world.services();
  const state = readState(stateDirectory(world));
  const fetched = await fetchAll(world, config, options, state);
  const decided = await Promise.all(fetched.map((one) => decide(world, config, one, options.accept)));
  const seen = decided.flatMap((one) => one.sinks);
  const sinks = config.sinks
    .filter((sink) => decided.some(({ source }) => source === sink.source))
    .map((sink) => statusOf(sink, seen));
  const failures = decided.flatMap(({ decision, source }) =>
    decision.kind === 'keep' && decision.error ? [{ source, error: decision.error }] : [],
  );
  const nameOf = (name: string): string => (config.sources.length > 0 ? `source ${name}` : 'source');
  const findings = [
    ...failures.map(({ source, error }) =>
      findingOf('source-failing', { subject: nameOf(source), problem: 'nothing would be written' }, error),
    ),
    ...refusedSinks(sinks, 'a pass would not write it'),
  ];
  const exitCode = exitCodeOfErrors([
    ...sinks.flatMap(({ error }) => error ?? []),
    ...failures.map(({ error }) => error),
  ]);
  const consumers = await toNotify(world, config, decided, seen);
  const sources = decided.map((one) => sourceOf(one, clock.now()));
  const [first] = sources;
  const sections = {
    ...{ command: 'plan', exitCode, findings, consumers },
    ...(first && { source: alone(first) }),
    ...(config.sources.length > 0 && { sources }),
    sinks,
  };
  const news = decided.map(({ decision }) => NEWS[decision.kind]);
  return await showFound(world, options, sections, (report) => printPlan(report, news, screenOf(world).paint));
}

/** In the form for the instance as the only source. */
function alone({
  name: _name,
  generation: _generation,
  rotated: _rotated,
  ...source
}: Sourced): Report['source'] & object {
  return source;
}

/** Without any credentials a pass looks at no sink. */
function statusOf(sink: SinkConfig, seen: readonly SinkPreview[]): SinkStatus {
  const preview = seen.find((one) => sinkId(one) === idOf(sink));
  if (preview) return foreseen(preview);
  return { ...keyOf(sink), format: sink.format, result: 'unknown', drift: [], warnings: [] };
}

const NEWS: Readonly<Record<Decision['kind'], string>> = {
  new: 'new',
  same: 'nothing new',
  renewed: 'another expiration',
  keep: 'nothing would be written',
};

type Sourced = NonNullable<Report['sources']>[number];

interface FetchedSource {
  readonly source: string;
  readonly fetched: Fetched;
  readonly clockSkew: number | undefined;
  readonly state: AgentState;
}

interface Decided extends FetchedSource {
  readonly decision: Decision;
  readonly sinks: readonly SinkPreview[];
}

async function fetchAll(
  world: World,
  config: Config,
  { source }: PlanOptions,
  state: AgentState,
): Promise<readonly FetchedSource[]> {
  const services = await world.services();
  const sources = createSources(config, sourceDeps(world, services, await world.openLog(config.log)));
  const names = source ?? sourcesInUse(config);
  try {
    return await Promise.all(
      names.map(async (name) => {
        const fetched = await sources(name).fetch(world.stop);
        const clockSkew = fetched.clockSkew ?? keptSkew({ ...services, name, store: { state } });
        return { source: name, fetched, clockSkew, state };
      }),
    );
  } finally {
    await services.http.close();
  }
}

/** Decides as the pass of a new process does, without credentials in memory. */
async function decide(world: World, config: Config, asked: FetchedSource, takesEarlier?: true): Promise<Decided> {
  const { source, fetched, clockSkew, state } = asked;
  const { clock } = await world.services();
  const now = sourceTime(clock.now(), clockSkew);
  const decision = accept(fetched, memoryOf(state, source), now, takesEarlier);
  const sinks = await previews(world, config, asked, decision);
  return isBetterGone(decision, sinks) ? decide(world, config, asked, true) : { ...asked, decision, sinks };
}

function sourceOf({ source: name, decision, clockSkew, state }: Decided, now: number): Sourced {
  const { generation, origin: former, current } = memoryOf(state, name);
  const isNew = decision.kind === 'new';
  const common = {
    ...{ name, generation: isNew ? generation + 1 : generation, rotated: isNew, since: new Date(now).toISOString() },
    ...(clockSkew !== undefined && { clockSkew }),
  };
  if (decision.kind === 'keep') {
    const { state, error } = decision;
    const kept = current && lifeOf(current.keyId, current.expiration);
    return { ...common, state, origin: former, ...kept, ...(error && { error }) };
  }
  const { credentials, origin } = decision;
  return { ...common, state: 'ok', origin, ...lifeOf(displayKeyId(credentials.accessKeyId), credentials.expiration) };
}

function lifeOf(keyId: string, expiration: number): Pick<Sourced, 'keyId' | 'expiration'> {
  return { keyId, expiration: new Date(expiration).toISOString() };
}

async function previews(
  world: World,
  config: Config,
  { source, state }: FetchedSource,
  decision: Decision,
): Promise<readonly SinkPreview[]> {
  const sinks = config.sinks.filter((sink) => sink.source === source);
  const { current, origin } = memoryOf(state, source);
  const { credentials = current, origin: given = origin } = decision.kind === 'keep' ? {} : decision;
  if (!credentials) return [];
  const request = { credentials, origin: given, rotated: decision.kind === 'new', records: state.sinks };
  const { trustedGroups, privateVolumes } = config;
  return await previewSinks(sinkDeps(await world.services()), { ...request, sinks, trustedGroups, privateVolumes });
}

/** The state after passes that write their sinks: no notification waits for a backoff. */
function stateAfterAll(
  config: Config,
  decided: readonly Decided[],
  previews: readonly SinkPreview[],
  now: number,
): AgentState {
  const [{ state } = { state: EMPTY_STATE }] = decided;
  const after = decided.reduce((before, { source, decision }) => {
    const sinks = config.sinks.filter((sink) => sink.source === source);
    const isNew = decision.kind === 'new';
    const changing = previews.filter(({ bytesChanged, error }) => bytesChanged || (isNew && !error)).map(sinkId);
    const own = sinks.map(idOf).filter((id) => changing.includes(id));
    return stateAfter(before, decision, { ...config, sinks }, { source, changing: own, now });
  }, state);
  return withoutBackoff(after);
}

/** The notifications after passes that have written their sinks. */
async function toNotify(
  world: World,
  config: Config,
  decided: readonly Decided[],
  previews: readonly SinkPreview[],
): Promise<NonNullable<Report['consumers']>> {
  const services = await world.services();
  const after = stateAfterAll(config, decided, previews, services.clock.now());
  const around = {
    sinks: config.sinks,
    failedSinks: new Set(previews.filter(({ error }) => error !== undefined).map(sinkId)),
    bootId: services.readBootTime().bootId,
    clockSkews: Object.fromEntries(decided.map(({ source, clockSkew }) => [source, notableSkew(clockSkew)])),
    spread: spreadOf(after),
  };
  const deps = { ...services, self: { uid: world.uid, gid: world.gid } };
  const prospects = config.consumers.map(async (consumer) => {
    const { name, type } = consumer;
    const consumerState = after.consumers[name] ?? {};
    if (!consumerState.pending) return [];
    const common = { name, type, sinks: namesOf(sinksOf(config.sinks, name)) };
    if (isEndedFor(consumerState, consumer))
      return [{ ...common, result: 'ended' as const, detail: 'it ended when it was last notified' }];
    const due = dueAt(consumer, consumerState, around);
    if (due > services.clock.now())
      return [{ ...common, result: 'scheduled' as const, dueAt: new Date(due).toISOString() }];
    const request = notifyRequest(after, consumer, consumerState.pending, around);
    return [prospective(consumer, common.sinks, await dryRun(deps, request, world.stop))];
  });
  return (await Promise.all(prospects)).flat();
}
