import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../core/exit.ts';
import type { Run, World } from './world.ts';

export function addConfig(program: Command, run: Run): void {
  const config = program
    .command('config')
    .summary('say what a configuration can hold')
    .description('Say what a configuration can hold.');
  config
    .command('schema')
    .summary('print the JSON Schema of the configuration')
    .description('Print the JSON Schema of the configuration: editors and pipelines check files with it.')
    .action(() => run(schema));
}

async function schema(world: World): Promise<ExitCode> {
  const { default: text } = await import('../../packaging/schema/credrotate.schema.json', { with: { type: 'json' } });
  world.print(`${JSON.stringify(text, undefined, 2)}\n`);
  return EXIT.done;
}
