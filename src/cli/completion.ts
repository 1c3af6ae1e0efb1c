import type { Command } from 'commander';
import type { Config } from '../core/config.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { namesOf } from '../core/sink-id.ts';
import { DEFAULT_CONFIG, withConfig, type ConfigOptions } from './options.ts';
import type { Run, World } from './world.ts';

/** For the shells, while somebody types: whatever is wrong, nobody wants to read of it then. */
export function addCompletion(program: Command, run: Run): void {
  withConfig(program.command('completion', { hidden: true }))
    .argument('<what>', 'sinks or consumers')
    .description('Print the names of the configuration that a shell can complete, a line each.')
    .action((what: string, options: ConfigOptions) => run((world) => complete(world, what, options)));
}

const NAMES: Readonly<Record<string, (config: Config) => readonly string[]>> = {
  sinks: ({ sinks }) => namesOf(sinks),
  consumers: ({ consumers }) => consumers.map(({ name }) => name),
};

async function complete(world: World, what: string, { config = DEFAULT_CONFIG }: ConfigOptions): Promise<ExitCode> {
  const names = Object.hasOwn(NAMES, what) ? NAMES[what] : undefined;
  if (!names) return EXIT.done;
  const { loadConfig } = await import('../config/load.ts');
  // The patterns of schedules are nobody's concern here, and the package that reads them loads slowly.
  const result = loadConfig(config, { uid: world.uid, validatePattern: () => undefined });
  if (result.ok)
    world.print(
      names(result.config)
        .map((name) => `${name}\n`)
        .join(''),
    );
  return EXIT.done;
}
