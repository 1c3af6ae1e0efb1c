import type { Command } from 'commander';
import type { Config } from '../core/config.ts';
import { named } from '../core/sink-id.ts';
import { EXIT, exitCodeOfErrors, type ExitCode } from '../core/exit.ts';
import { readLockdown } from '../lockdown/state.ts';
import { errorLines, sinkLines, warningLines } from '../report/print-report.ts';
import { count } from '../report/text.ts';
import type { SinkPreview } from '../sinks/contract.ts';
import { previewSinks } from '../sinks/apply.ts';
import { DEFAULT_CONFIG, readConfig, withSinks, type SinkFlags } from './options.ts';
import { stateDirectory } from './own.ts';
import { SAMPLE } from './sample.ts';
import { UNITS, unitTrouble, type UnitTrouble } from './sandbox.ts';
import { sinkDeps } from './session.ts';
import type { Run, World } from './world.ts';

interface CheckOptions extends SinkFlags {
  readonly configOnly?: true;
}

export function addCheck(program: Command, run: Run): void {
  withSinks(program.command('check'))
    .summary('check the configuration and the places of the sinks')
    .description('Read the configuration and look at each sink, without network and without writing anything.')
    .option('--config-only', 'read the configuration alone, and look at nothing that it names')
    .option('--conf-dir <directory>', 'take the files of this directory for those of conf.d, to try them')
    .action((options: CheckOptions) => run((world) => check(world, options)));
}

async function check(world: World, options: CheckOptions): Promise<ExitCode> {
  const config = await readConfig(world, options);
  if (options.configOnly) {
    world.show(`${head(config)}\n`);
    return EXIT.done;
  }
  const wish = { credentials: SAMPLE, origin: {}, rotated: true, trustedGroups: config.trustedGroups };
  const sinks = await previewSinks(sinkDeps(await world.services()), { ...wish, sinks: config.sinks });
  // The units read no other configuration.
  const isTheirs = config.path === DEFAULT_CONFIG && options.confDir === undefined;
  const units = isTheirs ? unitTrouble(config, UNITS) : { outside: [], warnings: [] };
  const lines = named(sinks).flatMap((sink) => [...describe(sink), ...warningLines(closed(sink.path, units))]);
  const lockdown = isTheirs ? await lockdownTrouble(world, config) : [];
  const foot = [...units.warnings, ...lockdown].map((warning) => `warning   ${warning}`);
  const state = isTheirs && world.uid !== 0 ? undefined : stateDirectory(world).trouble();
  const own = state ? [`failed    ${world.directories.state}`, ...errorLines(state)] : [];
  world.show([head(config), ...lines, ...own, ...foot, ''].join('\n'));
  return exitCodeOfErrors([...sinks.flatMap(({ error }) => error ?? []), ...(state ? [state] : [])]);
}

/** The rules are for root alone to see; that they are not in use is no trouble. */
async function lockdownTrouble(world: World, { lockdown }: Config): Promise<readonly string[]> {
  if (world.uid !== 0) return [];
  const { state, reason } = await readLockdown(await world.services(), lockdown);
  return reason !== undefined && (state === 'drifted' || state === 'on') ? [`lockdown: ${reason}`] : [];
}

function head({ files, sinks, consumers }: Config): string {
  const where = files.length === 0 ? 'flags' : files.join(', ');
  return `${where}: ok, ${count(sinks.length, 'sink')}, ${count(consumers.length, 'consumer')}`;
}

function closed(path: string, { outside }: UnitTrouble): string | undefined {
  if (!outside.includes(path)) return undefined;
  return 'it lies outside of what credrotate harden has opened: do that again, and restart the agent';
}

function describe(sink: SinkPreview & { readonly name: string }): string[] {
  if (sink.error) return sinkLines(sink);
  const there = sink.drift.includes('missing') ? 'will be created' : 'is there';
  return [`ok        ${sink.name} (${there})`, ...warningLines(...sink.warnings)];
}
