import type { Command } from 'commander';
import { sourceTime } from '../core/clock-skew.ts';
import type { Config, ConsumerConfig } from '../core/config.ts';
import { exitCodeOfParts, type ExitCode } from '../core/exit.ts';
import { coloured, plain } from '../report/paint.ts';
import { printPlan, type PlannedSink } from '../report/print-plan.ts';
import { errorLines } from '../report/print-report.ts';
import { accept, type Decision } from '../rotation/accept.ts';
import { sinksOf } from '../rotation/owed.ts';
import { readState } from '../rotation/store.ts';
import type { PreviewRequest } from '../sinks/contract.ts';
import { previewSinks } from '../sinks/preview.ts';
import { createImdsSource } from '../source/imds/source.ts';
import { readConfig, withSinks, type SinkFlags } from './options.ts';
import { sinkDeps } from './session.ts';
import type { Run, World } from './world.ts';

export function addPlan(program: Command, run: Run): void {
  withSinks(program.command('plan'))
    .summary('show what a pass would change, without secrets')
    .description('Fetch the credentials and show what a pass would change and whom it would tell. Writes nothing.')
    .action((options: SinkFlags) => run((world) => plan(world, options)));
}

async function plan(world: World, options: SinkFlags): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const { clock } = await world.services();
  const { decision, clockSkew } = await decide(world, config);
  if (decision.kind === 'keep') {
    const { error, state } = decision;
    world.print(`source is ${state}: nothing would be written\n${errorLines(error).join('\n')}\n`);
    return exitCodeOfParts(state, [error.code]);
  }
  const { credentials, origin } = decision;
  const isNew = decision.kind === 'new';
  const sinks = await plannedSinks(world, config, { credentials, origin, rotated: isNew });
  const found = { at: sourceTime(clock.now(), clockSkew), credentials, origin, isNew, clockSkew };
  world.print(printPlan({ ...found, sinks, toBeTold: toBeTold(config, sinks) }, world.isColoured ? coloured : plain));
  return exitCodeOfParts(
    'ok',
    sinks.flatMap((sink) => sink.error?.code ?? []),
  );
}

async function decide(world: World, config: Config): Promise<{ decision: Decision; clockSkew: number | undefined }> {
  const { clock, http } = await world.services();
  const log = await world.openLog(config.log);
  const source = createImdsSource({ http, clock, config: config.imds, env: world.env, log });
  const fetched = await source.fetch(world.stop);
  await http.close();
  const { clockSkew } = fetched;
  const state = await readState(world.directories.state);
  return { decision: accept(fetched, state, sourceTime(clock.now(), clockSkew)), clockSkew };
}

type Wish = Pick<PreviewRequest, 'credentials' | 'origin' | 'rotated'>;

async function plannedSinks(world: World, config: Config, wish: Wish): Promise<readonly PlannedSink[]> {
  const { sinks, trustedGroups } = config;
  const previews = await previewSinks(sinkDeps(await world.services()), { ...wish, sinks, trustedGroups });
  const byPath = new Map(sinks.map((sink) => [sink.path, sink]));
  return previews.flatMap((preview) => {
    const sink = byPath.get(preview.path);
    return sink ? [{ ...preview, config: sink }] : [];
  });
}

function toBeTold(config: Config, sinks: readonly PlannedSink[]): readonly ConsumerConfig[] {
  const changing = new Set(sinks.filter((sink) => sink.bytesChanged).map((sink) => sink.path));
  return config.consumers.filter(({ name }) => sinksOf(config.sinks, name).some((path) => changing.has(path)));
}
