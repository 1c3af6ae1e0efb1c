import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Config } from '../core/config.ts';
import type { NamedSinks } from '../config/assemble.ts';
import type { ConfigResult } from '../config/load.ts';
import { formatProblems, type Problem } from '../config/problem.ts';
import { readDuration } from '../config/scalars.ts';
import { EXIT } from '../core/exit.ts';
import type { World } from '../agent/world.ts';

export const DEFAULT_CONFIG = '/etc/credrotate/credrotate.yaml';

/** Drop-ins alone are a configuration too; the packages install only this directory. */
export const DROP_INS = '/etc/credrotate/conf.d';

/** Ends a command with a text for standard error and an exit code. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface ConfigOptions {
  readonly config?: string;
  readonly confDir?: string;
}

export type ConfigFlags = ConfigOptions & NamedSinks;

export function withConfig(command: Command): Command {
  return command.option('-c, --config <file>', `configuration (${USUAL})`);
}

export function withSinks(command: Command): Command {
  return withSinkFlags(command.option('-c, --config <file>', `configuration, unless options name sinks (${USUAL})`));
}

const USUAL = `default: ${DEFAULT_CONFIG}, if it is there, and conf.d`;

export function withSinkFlags(command: Command): Command {
  return command
    .option('--aws-credentials <path...>', 'a shared credentials file, to write a profile of')
    .option('--profile <profile>', 'the profile to write', 'default')
    .option('--dotenv <path...>', 'a dotenv file, to write the variables of')
    .option('--json-file <path...>', 'a JSON file, to be shaped like the metadata answer')
    .option('--mode <octal>', 'mode of the files that the options name', '0600')
    .option('--owner <user>', 'their owner')
    .option('--group <group>', 'their group');
}

/** The configuration from the file, or from flags where these name sinks. Warnings go to standard error. */
export async function readConfig(world: World, options: ConfigFlags): Promise<Config> {
  return accepted(world, await loadFor(world, options), () => true);
}

/** The configuration, with its warnings or problems. */
export async function loadFor(world: World, options: ConfigFlags): Promise<ConfigResult> {
  if (!namesSinks(options)) return await fromFile(world, options);
  return (await import('../config/assemble.ts')).configFromFlags(options);
}

/** The configuration for a command that needs one part of it: warns only of that part. */
export async function readPart(world: World, options: ConfigOptions, part: 'imds' | 'lockdown'): Promise<Config> {
  return accepted(world, await fromFile(world, options), ({ path }) => path === '' || path.startsWith(part));
}

async function fromFile(world: World, { config = DEFAULT_CONFIG, confDir }: ConfigOptions): Promise<ConfigResult> {
  const [{ loadConfig }, services] = await Promise.all([import('../config/load.ts'), world.services()]);
  return loadConfig(config, { ...services, uid: world.uid, ...(confDir !== undefined && { confDir }) });
}

/** Whether it is the configuration that the units read. */
export function isUsual(options: ConfigFlags): boolean {
  return !namesSinks(options) && (options.config ?? DEFAULT_CONFIG) === DEFAULT_CONFIG;
}

export function namesSinks({ awsCredentials, dotenv, jsonFile }: ConfigFlags): boolean {
  return [awsCredentials, dotenv, jsonFile].some((paths) => paths !== undefined && paths.length > 0);
}

/** Ends the command where the configuration is refused. */
export function requireConfig(result: ConfigResult): Extract<ConfigResult, { ok: true }> {
  if (result.ok) return result;
  throw new CommandFailure(formatProblems(result.problems), EXIT.config);
}

function accepted(world: World, result: ConfigResult, concerns: (warning: Problem) => boolean): Config {
  const { config, warnings } = requireConfig(result);
  const shown = warnings.filter((one) => one.severity === 'warning' && concerns(one));
  if (shown.length > 0) world.complain(formatProblems(shown));
  return config;
}

export function durationOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => {
    const duration = readDuration(text);
    if (duration === undefined) throw new InvalidArgumentError('expected a duration such as 90s, 5m or 1h');
    return duration;
  });
}

export function portOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : Infinity;
    if (port > 65_535) throw new InvalidArgumentError('expected a port number, 0 to 65535');
    return port;
  });
}
