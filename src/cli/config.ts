import type { Command } from 'commander';
import { formatProblems, placeText } from '../config/problem.ts';
import { describeSettings } from '../config/settings.ts';
import { show as showValue } from '../config/problem.ts';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { printable } from '../core/printable.ts';
import { lookAtConfiguration } from '../agent/facts.ts';
import { CommandFailure, loadFor, withConfig, type ConfigOptions } from './options.ts';
import type { Run, World } from '../agent/world.ts';
import { readStatus } from '../agent/published.ts';

export function addConfig(program: Command, run: Run): void {
  const config = program
    .command('config')
    .summary('say what a configuration can hold, and what holds')
    .description('Say what a configuration can hold, and what it holds.');
  config
    .command('schema')
    .summary('print the JSON Schema of the configuration')
    .description('Print the JSON Schema of the configuration: editors and pipelines check files with it.')
    .action(() => run(schema));
  withConfig(config.command('show'))
    .summary('show every setting and where it comes from')
    .description(
      'Show every setting with its value, whether that is in force, and its place, a file or a variable of the ' +
        'environment. Arguments of programs are left out.',
    )
    .action((options: ConfigOptions) => run((world) => show(world, options)));
}

async function readSchema(): Promise<object> {
  return (await import('../../packaging/schema/credrotate.schema.json', { with: { type: 'json' } })).default;
}

async function schema(world: World): Promise<ExitCode> {
  world.print(`${JSON.stringify(await readSchema(), undefined, 2)}\n`);
  return EXIT.done;
}

async function show(world: World, options: ConfigOptions): Promise<ExitCode> {
  const result = await loadFor(world, options);
  if (!result.ok) throw new CommandFailure(formatProblems(result.problems), EXIT.config);
  const settings = describeSettings(result.tree, await readSchema());
  const given = new Set(settings.flatMap(({ path, at }) => (at ? [path] : [])));
  const silent = settings.filter(({ path, at }) => at !== undefined || environmentOf(world, path) === undefined);
  const lines = [
    ...silent.map(({ path, value, at }) => `${path}: ${value}  # ${at ? placeText(at) : 'default'}`),
    ...Object.keys(VARIABLES).flatMap((path) => (given.has(path) ? [] : (environmentOf(world, path) ?? []))),
  ].map(printable);
  world.print([`# ${await inForce(world, result.config.path)}`, ...lines, ''].join('\n'));
  return EXIT.done;
}

/** What counts where the files are silent, and what counts whatever they say. */
const VARIABLES: Readonly<Record<string, string>> = {
  'imds.endpoint': 'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  'imds.endpoint_mode': 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
  'imds.role': 'AWS_EC2_INSTANCE_PROFILE_NAME',
  'imds.timeout': 'AWS_METADATA_SERVICE_TIMEOUT',
  'imds.attempts': 'AWS_METADATA_SERVICE_NUM_ATTEMPTS',
  AWS_EC2_METADATA_DISABLED: 'AWS_EC2_METADATA_DISABLED',
};

function environmentOf({ env }: World, path: string): string | undefined {
  const variable = VARIABLES[path] ?? '';
  return env[variable] ? `${path}: ${showValue(env[variable])}  # ${variable}, as it is here` : undefined;
}

/** Beside what the agent has read of the same file. */
async function inForce(world: World, path: string | undefined): Promise<string> {
  try {
    const { status } = readStatus(world);
    if (status.configuration?.path !== path) return 'not the configuration of the agent';
    const onDisk = await lookAtConfiguration(world, status);
    const state = onDisk?.state ?? 'unknown';
    return { in_force: 'in force', edited: 'changed, and not in force', refused: 'refused', unknown: 'unknown' }[state];
  } catch (error) {
    if (error instanceof AgentError && error.code === 'AGENT_ABSENT') return 'no agent has read it since the boot';
    throw error;
  }
}
