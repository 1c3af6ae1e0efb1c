import { Command, CommanderError } from 'commander';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { EXIT, exitCodeOfError } from '../core/exit.ts';
import { addCheck } from './check.ts';
import { addDemo } from './demo.ts';
import { addForget } from './forget.ts';
import { addGet } from './get.ts';
import { addOnce } from './once.ts';
import { CommandFailure } from './options.ts';
import { addPlan } from './plan.ts';
import { addRefresh } from './refresh.ts';
import { addRun } from './run.ts';
import { addSimulate } from './simulate.ts';
import { addStatus } from './status.ts';
import type { Run, World } from './world.ts';

/** The whole command line: arguments (without the program) in, exit code out. Throws nothing. */
export async function runProgram(world: World, args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = buildProgram(world, async (work) => {
    exitCode = await work(world);
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(world, error);
  }
}

function buildProgram(world: World, run: Run): Command {
  const program = new Command('credrotate')
    .description('Keeps the short-lived AWS credentials of an EC2 role fresh in the files that applications read.')
    .version(world.version, '-V, --version')
    .configureOutput({ writeOut: world.print, writeErr: world.complain })
    .exitOverride()
    .showHelpAfterError('(see --help)');
  for (const add of [
    addRun,
    addOnce,
    addRefresh,
    addStatus,
    addCheck,
    addPlan,
    addForget,
    addGet,
    addSimulate,
    addDemo,
  ])
    add(program, run);
  program.addHelpText('after', EXIT_CODES);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 64 usage, 69 no role, no such metadata or metadata off, 70 internal, 73 a sink could not be written,
74 a consumer is still to be told, 75 source unreachable or only expired credentials, 76 malformed answer,
77 refused for safety or denied by the source, 78 configuration.`;

function explain(world: World, error: unknown): number {
  // Commander has printed its own message by now; what it calls errors includes --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CommandFailure) {
    world.complain(error.message);
    return error.exitCode;
  }
  if (world.stop.aborted && !(error instanceof AgentError)) {
    world.complain('credrotate: stopped by a signal before it was done\n');
    return EXIT.unreachable;
  }
  const { code, message, hint } = toErrorInfo(error);
  world.complain(`credrotate: ${code}: ${message}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`);
  return exitCodeOfError(code);
}
