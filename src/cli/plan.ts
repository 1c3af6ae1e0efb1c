import type { Command } from 'commander';
import { sourceTime } from '../core/clock-skew.ts';
import type { Config, ConsumerConfig } from '../core/config.ts';
import { exitCodeOfParts, type ExitCode } from '../core/exit.ts';
import { errorLines, sinkLines } from '../report/print-report.ts';
import { redactedDiff } from '../report/diff.ts';
import { accept, type Decision } from '../rotation/accept.ts';
import { sinksOf } from '../rotation/owed.ts';
import { readState } from '../rotation/store.ts';
import type { SinkPreview } from '../sinks/contract.ts';
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
  const decision = await decide(world, config);
  if (decision.kind === 'keep') {
    const { error, state } = decision;
    world.print(`source is ${state}: nothing would be written\n${errorLines(error).join('\n')}\n`);
    return exitCodeOfParts(state, [error.code]);
  }
  const { trustedGroups } = config;
  const request = { ...decision, sinks: config.sinks, trustedGroups, rotated: decision.kind === 'new' };
  const sinks = await previewSinks(sinkDeps(await world.services()), request);
  world.print([...sinks.flatMap(describe), ...whoWouldBeTold(config, sinks), ''].join('\n'));
  return exitCodeOfParts(
    'ok',
    sinks.flatMap((sink) => sink.error?.code ?? []),
  );
}

async function decide(world: World, config: Config): Promise<Decision> {
  const { clock, http } = await world.services();
  const log = await world.openLog(config.log);
  const source = createImdsSource({ http, clock, config: config.imds, env: world.env, log });
  const fetched = await source.fetch(world.stop);
  await http.close();
  return accept(fetched, await readState(world.directories.state), sourceTime(clock.now(), fetched.clockSkew));
}

function describe(sink: SinkPreview): string[] {
  if (!sink.next) return sinkLines(sink);
  const why = sink.drift.includes('missing') ? ' (a new file)' : ` (other ${sink.drift.join(', ')})`;
  return [`would write ${sink.path}${why}`, ...redactedDiff(sink.current, sink.next).map((line) => `  ${line}`)];
}

function whoWouldBeTold(config: Config, sinks: readonly SinkPreview[]): string[] {
  const changing = new Set(sinks.filter((sink) => sink.bytesChanged).map((sink) => sink.path));
  return config.consumers
    .filter(({ name }) => sinksOf(config.sinks, name).some((path) => changing.has(path)))
    .map(({ name, tell }) => `would tell ${name}${WHEN[tell]}`);
}

const WHEN: Readonly<Record<ConsumerConfig['tell'], string>> = {
  changed: '',
  expiring: ', when what it knows runs out',
  auto: ' by a reload; by a restart when what it knows runs out',
};
