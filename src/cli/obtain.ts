import { access, constants } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { defaultConfig } from '../config/assemble.ts';
import { INSTANCE, type Config } from '../core/config.ts';
import type { Credentials, Origin } from '../core/credentials.ts';
import { AgentError, type ErrorCode } from '../core/errors.ts';
import { DEFAULT_CONFIG, DROP_INS, readPart, withConfig, type ConfigOptions } from './options.ts';
import { sourceDeps, type World } from '../agent/world.ts';

export interface SourceOptions extends ConfigOptions {
  readonly from?: string;
  readonly source?: string;
}

export function withSource(command: Command): Command {
  return withConfig(command)
    .option('--source <source>', 'the source of the configuration whose credentials are wanted', INSTANCE)
    .addOption(
      new Option('--from <sink>', 'take the credentials from this sink of format json, and ask no source').conflicts(
        'source',
      ),
    );
}

/** Valid credentials from the source of the options. Rejects with an AgentError. */
export async function obtain(
  world: World,
  options: SourceOptions,
): Promise<{ readonly credentials: Credentials; readonly origin: Origin }> {
  if (options.from === undefined) return await fetchCredentials(world, options);
  const [{ readJsonSink }, { clock }] = await Promise.all([import('../source/json-sink.ts'), world.services()]);
  return { credentials: await readJsonSink(options.from, clock.now()), origin: {} };
}

/** STS is asked once in a fetch: here is no plan that tries again later. */
const ATTEMPTS = 3;
const PASSING: readonly ErrorCode[] = ['STS_UNREACHABLE', 'STS_THROTTLED'];
const LONGEST_WAIT_MS = 1_000;

async function fetchCredentials(world: World, options: SourceOptions): ReturnType<typeof obtain> {
  const { source = INSTANCE } = options;
  const config = await findConfig(world, options);
  const { createSources } = await import('../source/registry.ts');
  const services = await world.services();
  const log = await world.openLog(config.log);
  try {
    const wanted = createSources(config, sourceDeps(world, services, log))(source);
    for (let left = ATTEMPTS; ; left -= 1) {
      const fetched = await wanted.fetch(world.stop);
      if (fetched.ok) return fetched;
      const { code, message, hint } = fetched.error;
      if (!PASSING.includes(code) || left === 1) throw new AgentError(code, message, { hint });
      await services.clock.sleep(LONGEST_WAIT_MS * services.clock.random(), world.stop);
    }
  } finally {
    await services.http.close();
  }
}

/** The named configuration, else the usual one if it can be read, else the default. */
export async function findConfig(world: World, options: ConfigOptions): Promise<Config> {
  const isThere =
    options.config !== undefined ||
    (await isAllowed(DEFAULT_CONFIG, constants.R_OK)) ||
    (await isAllowed(DROP_INS, constants.R_OK));
  return isThere ? await readPart(world, options, 'imds') : defaultConfig();
}

export async function isAllowed(path: string, mode: number): Promise<boolean> {
  return await access(path, mode).then(
    () => true,
    () => false,
  );
}
