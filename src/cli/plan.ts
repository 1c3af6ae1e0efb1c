import type { Command } from 'commander';
import { stateDirectory } from '../agent/published.ts';
import { sinkDeps } from '../agent/session.ts';
import type { Run, World } from '../agent/world.ts';
import { notableSkew, sourceTime } from '../core/clock-skew.ts';
import { INSTANCE, type Config } from '../core/config.ts';
import { displayKeyId } from '../core/credentials.ts';
import { type ExitCode, exitCodeOfErrors } from '../core/exit.ts';
import { findingOf } from '../core/findings.ts';
import { namesOf, sinkId } from '../core/sink-id.ts';
import { dryRun } from '../notify/notify.ts';
import { foreseen } from '../report/diff.ts';
import { printPlan, prospective } from '../report/print-report.ts';
import type { Report } from '../report/schema.ts';
import { accept, type Decision } from '../rotation/accept.ts';
import { dueAt, isEndedFor, notifyRequest, sinksOf, spreadOf } from '../rotation/pending.ts';
import { stateAfter } from '../rotation/rotate.ts';
import { withoutBackoff, type AgentState } from '../rotation/state.ts';
import { readState } from '../rotation/store.ts';
import { previewSinks } from '../sinks/apply.ts';
import type { SinkPreview } from '../sinks/contract.ts';
import { createSources } from '../source/registry.ts';
import { readConfig, withSinks, type SinkFlags } from './options.ts';
import { jsonOption, refusedSinks, screenOf, showFound, type ReportOptions } from './show-report.ts';

interface PlanOptions extends SinkFlags, ReportOptions {
  readonly accept?: true;
}

export function addPlan(program: Command, run: Run): void {
  withSinks(program.command('plan'))
    .summary('show what a pass would change, without secrets')
    .description(
      'Fetch the credentials and show what a pass would change and which consumers it would notify. Writes nothing.',
    )
    .option('--accept', 'as if it took what the source gives, even if that expires before the current credentials')
    .addOption(jsonOption())
    .action((options: PlanOptions) => run((world) => plan(world, options)));
}

export async function plan(world: World, options: PlanOptions): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const { clock } = await world.services();
  const decided = await decide(world, config, options);
  const { decision } = decided;
  const sinks = await previews(world, config, decided);
  const failures = 'error' in decision ? [decision.error] : [];
  const findings = [
    ...failures.map((error) =>
      findingOf('source-failing', { subject: 'source', problem: 'nothing would be written' }, error),
    ),
    ...refusedSinks(sinks, 'a pass would not write it'),
  ];
  const exitCode = exitCodeOfErrors([...sinks.flatMap(({ error }) => error ?? []), ...failures]);
  const consumers = failures.length > 0 ? [] : await toNotify(world, config, decided, sinks);
  const source = sourceOf(decided, clock.now());
  const sections = {
    command: 'plan',
    exitCode,
    findings,
    source,
    sinks: sinks.map((sink) => foreseen(sink)),
    consumers,
  };
  return await showFound(world, options, sections, (report) =>
    printPlan(report, NEWS[decision.kind], screenOf(world).paint),
  );
}

const NEWS: Readonly<Record<Decision['kind'], string>> = {
  new: 'new',
  same: 'nothing new',
  renewed: 'another expiration',
  keep: 'nothing would be written',
};

interface Decided {
  readonly decision: Decision;
  readonly clockSkew: number | undefined;
  readonly state: AgentState;
}

async function decide(world: World, config: Config, { accept: takesEarlier }: PlanOptions): Promise<Decided> {
  const { clock, http, makeHttps } = await world.services();
  const log = await world.openLog(config.log);
  const source = createSources(config, { http, makeHttps, clock, env: world.env, log })(INSTANCE);
  const fetched = await source.fetch(world.stop);
  await http.close();
  const { clockSkew } = fetched;
  const state = readState(stateDirectory(world));
  const decision = accept(fetched, state, sourceTime(clock.now(), clockSkew), takesEarlier);
  return { decision, clockSkew, state };
}

function sourceOf({ decision, clockSkew, state }: Decided, now: number): NonNullable<Report['source']> {
  const common = { since: new Date(now).toISOString(), ...(clockSkew !== undefined && { clockSkew }) };
  if (decision.kind === 'keep')
    return { ...common, state: decision.state, origin: state.origin, error: decision.error };
  const { credentials, origin } = decision;
  const expiration = new Date(credentials.expiration).toISOString();
  return { ...common, state: 'ok', origin, keyId: displayKeyId(credentials.accessKeyId), expiration };
}

async function previews(world: World, config: Config, { decision, state }: Decided): Promise<readonly SinkPreview[]> {
  if (decision.kind === 'keep') return [];
  const { credentials, origin } = decision;
  const wish = { credentials, origin, rotated: decision.kind === 'new', records: state.sinks };
  const { sinks, trustedGroups } = config;
  return await previewSinks(sinkDeps(await world.services()), { ...wish, sinks, trustedGroups });
}

/** As a pass would find it after it has written its sinks. */
async function toNotify(
  world: World,
  config: Config,
  { decision, state, clockSkew }: Decided,
  previews: readonly SinkPreview[],
): Promise<NonNullable<Report['consumers']>> {
  const services = await world.services();
  const isNew = decision.kind === 'new';
  const changing = previews.filter(({ bytesChanged, error }) => bytesChanged || (isNew && !error)).map(sinkId);
  // A pass does not wait for a backoff.
  const after = withoutBackoff(stateAfter(state, decision, config, { changing, now: services.clock.now() }));
  const around = {
    sinks: config.sinks,
    failedSinks: new Set(previews.filter(({ error }) => error !== undefined).map(sinkId)),
    bootId: services.readBootTime().bootId,
    clockSkew: notableSkew(clockSkew),
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
