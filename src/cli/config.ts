import type { Command } from 'commander';
import { positionText, show as showValue } from '../config/problem.ts';
import { isList, isMapping, type Entry, type Position, type Tree } from '../config/tree.ts';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { printable } from '../core/printable.ts';
import { lookAtConfiguration } from '../agent/facts.ts';
import { loadFor, requireConfig, withConfig, type ConfigOptions } from './options.ts';
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
  const { tree, config } = requireConfig(await loadFor(world, options));
  const settings = describeSettings(tree, await readSchema());
  const given = new Set(settings.flatMap(({ path, at }) => (at ? [path] : [])));
  const silent = settings.filter(({ path, at }) => at !== undefined || environmentOf(world, path) === undefined);
  const lines = [
    ...silent.map(({ path, value, at }) => `${path}: ${value}  # ${at ? positionText(at) : 'default'}`),
    ...Object.keys(VARIABLES).flatMap((path) => (given.has(path) ? [] : (environmentOf(world, path) ?? []))),
  ].map(printable);
  world.print([`# ${await inForce(world, config.path)}`, ...lines, ''].join('\n'));
  return EXIT.done;
}

/** Variables that count where the files are silent, and one that always counts. */
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

/** Compares with the configuration that the agent has read of the same file. */
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

/** A setting with its value and its place; without a place it is a default. */
interface ShownSetting {
  readonly path: string;
  readonly value: string;
  readonly at?: Position;
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly default?: unknown;
}

/** Every setting of a valid configuration, those that were left out with the defaults of its JSON Schema. */
function describeSettings(tree: Tree | undefined, schema: Schema, path = ''): readonly ShownSetting[] {
  const { properties = {}, additionalProperties, items } = variantOf(tree, schema);
  if (tree && isList(tree.value) && items?.oneOf) {
    return tree.value.flatMap((item, index) => describeSettings(item, items, `${path}[${index}]`));
  }
  const entries = tree && isMapping(tree.value) ? tree.value : new Map<string, Entry>();
  const names = new Set([...Object.keys(properties), ...entries.keys()]);
  const rest = typeof additionalProperties === 'object' ? additionalProperties : {};
  if (names.size > 0) {
    return [...names].flatMap((name) =>
      describeSettings(entries.get(name)?.tree, properties[name] ?? rest, path === '' ? name : `${path}.${name}`),
    );
  }
  return single(tree, schema, path);
}

function single(tree: Tree | undefined, { default: standard }: Schema, path: string): readonly ShownSetting[] {
  if (tree) return [{ path, value: valueOf(tree, path), at: tree.at }];
  return standard === undefined || typeof standard === 'object' ? [] : [{ path, value: showValue(standard) }];
}

/** Of sinks and consumers, by their format or type. */
function variantOf(tree: Tree | undefined, schema: Schema): Schema {
  const { oneOf } = schema;
  if (!oneOf || !tree || !isMapping(tree.value)) return schema;
  const { value } = tree;
  const fits = ({ properties = {} }: Schema): boolean =>
    Object.entries(properties).every(
      ([name, one]) => one.const === undefined || one.const === value.get(name)?.tree.value,
    );
  return oneOf.find(fits) ?? schema;
}

/** Arguments of a program may be secret; its name is not. */
function valueOf({ value }: Tree, path: string): string {
  if (!isList(value)) return showValue(value);
  const [first, ...more] = value;
  if (!path.endsWith('.command')) return `[${value.map((item) => showValue(item.value)).join(', ')}]`;
  return `[${showValue(first?.value)}, and ${more.length} not shown]`;
}
