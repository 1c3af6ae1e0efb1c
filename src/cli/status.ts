import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { AgentError, describeForeign, isErrno } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { isOverdue, printStatus } from '../report/print-status.ts';
import type { Status } from '../report/status.ts';
import type { Run, World } from './world.ts';

interface StatusOptions {
  readonly json?: true;
}

export function addStatus(program: Command, run: Run): void {
  program
    .command('status')
    .summary('show what stands, how long it is good, and what is owed')
    .description('Show the source, the sinks and the consumers as the last pass left them. Anybody may run it.')
    .option('--json', 'print the status as JSON')
    .action((options: StatusOptions) => run((world) => status(world, options)));
}

async function status(world: World, options: StatusOptions): Promise<ExitCode> {
  const path = join(world.directories.runtime, 'status.json');
  const text = await readStatus(path);
  const { clock } = await world.services();
  // Written by ourselves, under a directory that only our user can write.
  const current = JSON.parse(text) as Status;
  world.print(options.json ? text : printStatus(current, clock.now()));
  return isOverdue(current, clock.now()) ? EXIT.unreachable : EXIT.done;
}

async function readStatus(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `${path}: no status there: ${describeForeign(error)}`;
    const hint = isErrno(error, 'ENOENT')
      ? 'make a first pass: systemctl start credrotate, or credrotate once'
      : 'see who may read it: ls -l';
    throw new AgentError('AGENT_ABSENT', message, { hint });
  }
}
