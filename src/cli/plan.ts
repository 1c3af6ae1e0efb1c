import type { Command } from 'commander';
import { notableSkew, sourceTime } from '../core/clock-skew.ts';
import type { Config } from '../core/config.ts';
import { exitCodeOfErrors, type ExitCode } from '../core/exit.ts';
import { foresee } from '../notify/notify.ts';
import { printPlan, type PlannedSink, type PlannedNotification } from '../report/print-plan.ts';
import { errorLines } from '../report/print-report.ts';
import { accept, type Decision } from '../rotation/accept.ts';
import { dueAt, sinksOf, spreadOf } from '../rotation/pending.ts';
import { notifyRequest } from '../rotation/request.ts';
import { stateAfter } from '../rotation/rotate.ts';
import { isEndedFor } from '../rotation/settle.ts';
import type { AgentState, ConsumerState } from '../rotation/state.ts';
import { readState } from '../rotation/store.ts';
import type { PreviewRequest } from '../sinks/contract.ts';
import { previewSinks } from '../sinks/preview.ts';
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
  const decided = await decide(world, config);
  const { decision, clockSkew, state } = decided;
  if (decision.kind === 'keep') {
    const { error } = decision;
    world.show(`source is ${decision.state}: nothing would be written\n${errorLines(error).join('\n')}\n`);
    return exitCodeOfErrors([error]);
  }
  const { credentials, origin } = decision;
  const isNew = decision.kind === 'new';
  const sinks = await plannedSinks(world, config, { credentials, origin, rotated: isNew, records: state.sinks });
  const found = { at: sourceTime(clock.now(), clockSkew), credentials, origin, isNew, clockSkew };
  world.show(
    printPlan({ ...found, sinks, toNotify: await toNotify(world, config, decided, sinks) }, screenOf(world).paint),
  );
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
  const byPath = new Map(sinks.map((sink) => [sink.path, sink]));
  return previews.flatMap((preview) => {
    const sink = byPath.get(preview.path);
    return sink ? [{ ...preview, config: sink }] : [];
  });
}

/** As a pass would find it after it has written its sinks. */
async function toNotify(
  world: World,
  config: Config,
  { decision, state, clockSkew }: Decided,
  sinks: readonly PlannedSink[],
): Promise<readonly PlannedNotification[]> {
  const services = await world.services();
  const changing = sinks.filter((sink) => sink.bytesChanged).map((sink) => sink.path);
  const failed = new Set(sinks.flatMap(({ path, error }) => (error ? [path] : [])));
  const after = stateAfter(state, decision, config, { changing, now: services.clock.now() });
  const around = { clockSkew: notableSkew(clockSkew), spread: spreadOf(after) };
  const deps = { ...services, self: { uid: world.uid, gid: world.gid } };
  const { bootId } = services.readBootTime();
  return await Promise.all(
    config.consumers.flatMap((consumer) => {
      const { name } = consumer;
      const own = after.consumers[name] ?? {};
      const request = notifyRequest(after, consumer, { bootId, ...around });
      if (!request) return [];
      if (isEndedFor(own, consumer)) return [Promise.resolve({ name })];
      const allSinksStand = sinksOf(config.sinks, name).every((path) => !failed.has(path));
      const due = dueAt(consumer, { ...own, ...dueNow(own) }, { allSinksStand, ...around });
      if (due > services.clock.now()) return [Promise.resolve({ name, dueAt: due })];
      return [foresee(deps, request, world.stop).then((prospect) => ({ name, prospect }))];
    }),
  );
}

/** A pass does not wait for a backoff. */
function dueNow({ pending }: ConsumerState): Pick<ConsumerState, 'pending'> {
  return pending ? { pending: { ...pending, nextAttempt: 0 } } : {};
}
