import { Option, type Command } from 'commander';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import type { ApplyOptions, ChangeOptions, LockdownStatusOptions } from './lockdown-work.ts';
import { durationOption, withConfig } from './options.ts';
import { jsonOption } from './show-report.ts';
import type { Run, World } from '../agent/world.ts';

export function addLockdown(program: Command, run: Run): void {
  const lockdown = program
    .command('lockdown')
    .summary('let only root and chosen users reach the metadata service')
    .description(
      'Let only root and the users of the configuration reach the metadata service, by nftables rules in a table of ' +
        'their own. Every user who reaches it has the role.',
    );
  addApply(lockdown, run);
  lockdown
    .command('confirm')
    .summary('make a trial last')
    .description('Keep the rules that apply --for tries.')
    .option('--dry-run', 'print what would be loaded, without loading it')
    .action((options: ChangeOptions) =>
      run(async (world) => (await import('./lockdown-work.ts')).confirmLockdown(world, options)),
    );
  withConfig(lockdown.command('status'))
    .summary('show who reaches the metadata service')
    .description(
      'Show whether the rules are in force, and compare them with the configuration. Exit code 0: on; ' +
        `${String(EXIT.noRole)}: off; ${String(EXIT.config)}: not those of the configuration; ` +
        `${String(EXIT.refused)}: cannot be seen.`,
    )
    .addOption(jsonOption())
    .action((options: LockdownStatusOptions) =>
      run(async (world) => (await import('./lockdown-work.ts')).showLockdown(world, options)),
    );
  lockdown
    .command('remove')
    .summary('let everybody reach it again')
    .description('Remove our rules, and nothing else.')
    .option('--dry-run', 'print what would be loaded, without loading it')
    .action((options: ChangeOptions) =>
      run(async (world) => (await import('./lockdown-work.ts')).removeLockdown(world, options)),
    );
}

function addApply(lockdown: Command, run: Run): void {
  withConfig(lockdown.command('apply'))
    .summary('load the rules')
    .description(
      'Look which users would be refused, and load the rules in one step, in place of those that are loaded. They ' +
        'hold until the next boot; credrotate-lockdown.service loads them at every boot.',
    )
    .option('--allow-user <user...>', 'users to allow beside those of the configuration')
    .addOption(
      new Option('--containers <choice>', 'whether containers reach it, whatever the configuration says').choices([
        'allow',
        'deny',
      ]),
    )
    .addOption(durationOption('--for <duration>', 'a trial: let everybody in again after this time, unless confirmed'))
    .option('--dry-run', 'show which users would be refused, and the rules, without loading them')
    .option('--force', 'load the rules even if a refused user is connected, and without unknown users')
    .action((options: ApplyOptions) => run((world) => apply(world, options)));
}

const LONGEST_TRIAL = 24 * 3_600_000;

async function apply(world: World, options: ApplyOptions): Promise<ExitCode> {
  const { for: trial = LONGEST_TRIAL } = options;
  if (trial < 1000 || trial > LONGEST_TRIAL) {
    throw new AgentError('USAGE', '--for: expected a duration from 1s to 24h, got another');
  }
  return await (await import('./lockdown-work.ts')).applyLockdown(world, options);
}
