import type { Command } from 'commander';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { ImdsClient } from '../source/imds/client.ts';
import { findConfig } from './obtain.ts';
import { withConfig, type ConfigOptions } from './options.ts';
import type { Run, World } from '../agent/world.ts';

export function addGet(program: Command, run: Run): void {
  withConfig(program.command('get'))
    .argument('<path>', 'such as meta-data/instance-id, user-data or dynamic/instance-identity/document')
    .summary('print what the metadata service has at a path')
    .description(
      'Print what the metadata service has at a path, byte for byte. Needs no configuration, but follows one. ' +
        'Values below meta-data/iam/security-credentials/ are secret.',
    )
    .action((path: string, options: ConfigOptions) => run((world) => get(world, path, options)));
}

async function get(world: World, path: string, options: ConfigOptions): Promise<ExitCode> {
  const config = await findConfig(world, options);
  const { clock, http } = await world.services();
  const log = await world.openLog(config.log);
  const client = new ImdsClient({ http, clock, config: config.imds, env: world.env, log });
  try {
    const bytes = await client.get(path, world.stop);
    if (!bytes) throw notFound(path);
    world.print(bytes);
  } finally {
    await http.close();
  }
  return EXIT.done;
}

function notFound(path: string): AgentError {
  return new AgentError('IMDS_NOT_FOUND', `${path}: expected metadata there, got status 404`, {
    hint: 'see what there is with: credrotate get meta-data/',
  });
}
