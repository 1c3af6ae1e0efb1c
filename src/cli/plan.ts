import type { Command } from 'commander';
import { sourceTime } from '../core/clock-skew.ts';
import type { Config } from '../core/config.ts';
import { exitCodeOfErrors, type ExitCode } from '../core/exit.ts';
import { printPlan, type PlannedSink, type PlannedNotification } from '../report/print-plan.ts';
import { errorLines } from '../report/print-report.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import { accept, type Decision } from '../rotation/accept.ts';
import { sinksOf } from '../rotation/pending.ts';
import type { AgentState } from '../rotation/state.ts';
import { readState } from '../rotation/store.ts';
import type { PreviewRequest } from '../sinks/contract.ts';
import { previewSinks } from '../sinks/apply.ts';
import { createImdsSource } from '../source/imds/source.ts';
import { readConfig, withSinks, type SinkFlags } from './options.ts';
import { stateDirectory } from './own.ts';
import { screenOf } from './screen.ts';
import { sinkDeps } from './session.ts';
import type { Run, World } from './world.ts';

export function addPlan(program: Command, run: Run): void {
  withSinks(program.command('plan'))
    .summary('show what a pass would change, without secrets')
    .description('Fetch the credentials and show what a pass would change and whom it would notify. Writes nothing.')
    .action((options: SinkFlags) => run((world) => plan(world, options)));
}

async function plan(world: World, options: SinkFlags): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const { clock } = await world.services();
  const { decision, clockSkew, state } = await decide(world, config);
  if (decision.kind === 'keep') {
    const { error } = decision;
    world.show(`source is ${decision.state}: nothing would be written\n${errorLines(error).join('\n')}\n`);
    return exitCodeOfErrors([error]);
  }
  const { credentials, origin } = decision;
  const isNew = decision.kind === 'new';
  const sinks = await plannedSinks(world, config, { credentials, origin, rotated: isNew, records: state.sinks });
  const found = { at: sourceTime(clock.now(), clockSkew), credentials, origin, isNew, clockSkew };
  world.show(printPlan({ ...found, sinks, toNotify: toNotify(config, sinks, state) }, screenOf(world).paint));
  return exitCodeOfErrors(sinks.flatMap(({ error }) => error ?? []));
}

interface Decided {
  readonly decision: Decision;
  readonly clockSkew: number | undefined;
  readonly state: AgentState;
}

async function decide(world: World, config: Config): Promise<Decided> {
  const { clock, http } = await world.services();
  const log = await world.openLog(config.log);
  const source = createImdsSource({ http, clock, config: config.imds, env: world.env, log });
  const fetched = await source.fetch(world.stop);
  await http.close();
  const { clockSkew } = fetched;
  const state = readState(stateDirectory(world));
  return { decision: accept(fetched, state, sourceTime(clock.now(), clockSkew)), clockSkew, state };
}

type Wish = Pick<PreviewRequest, 'credentials' | 'origin' | 'rotated' | 'records'>;

async function plannedSinks(world: World, config: Config, wish: Wish): Promise<readonly PlannedSink[]> {
  const { sinks, trustedGroups } = config;
  const previews = await previewSinks(sinkDeps(await world.services()), { ...wish, sinks, trustedGroups });
  const byId = new Map(sinks.map((sink) => [idOf(sink), sink]));
  return previews.flatMap((preview) => {
    const sink = byId.get(sinkId(preview));
    return sink ? [{ ...preview, config: sink }] : [];
  });
}

function toNotify(config: Config, sinks: readonly PlannedSink[], state: AgentState): readonly PlannedNotification[] {
  const changing = new Set(sinks.filter((sink) => sink.bytesChanged).map(sinkId));
  return config.consumers.flatMap((consumer) => {
    const isPending = state.consumers[consumer.name]?.pending !== undefined;
    const isNews = sinksOf(config.sinks, consumer.name).some((sink) => changing.has(idOf(sink)));
    return isPending || isNews ? [{ consumer, isPending }] : [];
  });
}
