import { Command, CommanderError, Option } from 'commander';
import type { Run, World } from '../agent/world.ts';
import { LOG_LEVELS, type LogLevel } from '../core/config.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { EXIT, EXIT_CODES, exitCodeOfError, exitLine } from '../core/exit.ts';
import { printable } from '../core/printable.ts';
import { CommandFailure } from './options.ts';

/** The whole command line: arguments (without the program) in, exit code out. Throws nothing. */
export async function runProgram(world: World, args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.done;
  let common: Common = {};
  const run: Run = async (work) => {
    exitCode = await work(worldFor(world, common));
  };
  if (args[0] === '--version') {
    world.print(await world.versions());
    return EXIT.done;
  }
  try {
    const empty = newProgram(world.version).configureOutput({
      writeOut: world.print,
      writeErr: world.complain,
      outputError: (text, write) => {
        write(inOurWords(text));
      },
    });
    const program = withCommands(empty, await commandsFor(args), run);
    program.hook('preAction', (_, command) => {
      common = command.opts<Common>();
    });
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    return explain(world, error);
  }
}

/** The command line with all its commands, to be shown and not to be run. */
export async function describeProgram(version: string): Promise<Command> {
  return withCommands(newProgram(version), await commandsFor([]), () => Promise.resolve());
}

function newProgram(version: string): Command {
  return new Command('credrotate')
    .description('Keeps the short-lived AWS credentials of an EC2 role fresh in the files that applications read.')
    .version(version, '-V', 'print the version')
    .option('--version', 'print it with the commit and the parts that it was made of')
    .exitOverride()
    .showHelpAfterError('  hint: --help shows what there is')
    .addHelpText('after', () =>
      ['\nExit codes:', ...EXIT_CODES.map((code) => `  ${exitLine(code)}`), '', EXPLAIN].join('\n'),
    );
}

function withCommands(program: Command, commands: readonly AddCommand[], run: Run): Command {
  for (const add of commands) add(program, run);
  for (const command of allOf(program)) {
    if (command.commands.length === 0 && command.name() !== 'complete') withCommon(command);
    refuseRepeated(command);
  }
  return program;
}

interface Common {
  readonly quiet?: true;
  readonly verbose?: true;
  readonly logLevel?: LogLevel;
}

function withCommon(command: Command): void {
  command
    .option('-q, --quiet', 'say nothing where nothing is wrong')
    .option('-v, --verbose', 'log all that is done, as --log-level debug')
    .addOption(new Option('--log-level <level>', 'what to log, whatever the configuration says').choices(LOG_LEVELS));
}

function worldFor(world: World, { quiet, verbose, logLevel = verbose ? 'debug' : undefined }: Common): World {
  if (!quiet && logLevel === undefined) return world;
  return {
    ...world,
    ...(quiet && { isQuiet: true, show: () => undefined }),
    openLog: (config) => world.openLog(logLevel === undefined ? config : { ...config, level: logLevel }),
  };
}

function allOf(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

/** Of two values for an option commander would silently take the last. */
function refuseRepeated(command: Command): void {
  for (const option of command.options) {
    if (option.variadic || !option.required) continue;
    let count = 0;
    command.on(`option:${option.name()}`, () => {
      if (++count > 1) command.error(`error: option '${option.flags}' expected once, got twice`);
    });
  }
}

function inOurWords(text: string): string {
  return text.replace(/^error: /, 'credrotate: USAGE: ').replace(/^\(Did you mean (.*)\)$/m, '  hint: did you mean $1');
}

const EXPLAIN = 'credrotate explain CODE says more of each, and of every error.';

function explain(world: World, error: unknown): number {
  // Commander has printed its message already; its errors include --help and --version.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CommandFailure) {
    world.complain(error.message);
    return error.exitCode;
  }
  if (world.stop.aborted && !(error instanceof AgentError)) {
    world.complain('credrotate: stopped by a signal before it was done\n');
    return EXIT.tempFail;
  }
  const { code, message, hint } = toErrorInfo(error);
  // A user may have chosen names of files and on the command line.
  const lines = [`credrotate: ${code}: ${message}`, ...(hint === undefined ? [] : [`  hint: ${hint}`])];
  world.complain(lines.map((line) => `${printable(line)}\n`).join(''));
  return exitCodeOfError(code);
}

type AddCommand = (program: Command, run: Run) => void;

/** Every command, in the order of `--help`. Each is loaded only when it is called, or when all are to be shown. */
const COMMANDS: Readonly<Record<string, () => Promise<AddCommand>>> = {
  run: async () => (await import('./run.ts')).addRun,
  once: async () => (await import('./once.ts')).addOnce,
  refresh: async () => (await import('./refresh.ts')).addRefresh,
  status: async () => (await import('./status.ts')).addStatus,
  check: async () => (await import('./check.ts')).addCheck,
  doctor: async () => (await import('./doctor.ts')).addDoctor,
  plan: async () => (await import('./plan.ts')).addPlan,
  harden: async () => (await import('./harden.ts')).addHarden,
  forget: async () => (await import('./forget.ts')).addForget,
  export: async () => (await import('./export.ts')).addExport,
  exec: async () => (await import('./exec.ts')).addExec,
  get: async () => (await import('./get.ts')).addGet,
  init: async () => (await import('./init.ts')).addInit,
  config: async () => (await import('./config.ts')).addConfig,
  explain: async () => (await import('./explain.ts')).addExplain,
  complete: async () => (await import('./complete.ts')).addComplete,
  lockdown: async () => (await import('./lockdown.ts')).addLockdown,
  simulate: async () => (await import('./simulate.ts')).addSimulate,
  demo: async () => (await import('./demo.ts')).addDemo,
};

/** The commands that a command line can need: the one that it calls, or all where it calls none that exists. */
async function commandsFor([first, , ...words]: readonly string[]): Promise<readonly AddCommand[]> {
  if (first === '-V') return [];
  const called = first !== undefined && Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (!called) return await Promise.all(Object.values(COMMANDS).map((load) => load()));
  // `complete SHELL WORDS...` goes by the one that is being typed.
  const typed = first === 'complete' ? await commandsFor(words) : [];
  return [...new Set([await called(), ...typed])];
}
