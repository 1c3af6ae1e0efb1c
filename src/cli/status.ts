import { type Command, Option } from 'commander';
import { lookAtFacts } from '../agent/facts.ts';
import { askControl } from '../agent/control.ts';
import { describeWhose, readStatus, runtimeDirectory } from '../agent/published.ts';
import type { Run, Terminal, World } from '../agent/world.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { printable } from '../core/printable.ts';
import { checkLine, NAGIOS, printStatus, type ShownStatus } from '../report/print-status.ts';
import { isUpToDate, reportStatus } from '../report/report.ts';
import { hookOutputs, jsonOption, type ReportOptions, screenOf, showLaidOut } from './show-report.ts';

interface StatusOptions extends ReportOptions {
  readonly check?: true;
  readonly watch?: true;
  readonly probe?: 'live' | 'ready';
}

export function addStatus(program: Command, run: Run): void {
  program
    .command('status')
    .summary('show the current credentials, how long they are good, and what is pending')
    .description('Show the source, the sinks and the consumers as the last pass left them. Anybody may run it.')
    .addOption(jsonOption())
    .addOption(
      new Option('--check', 'print one line, and end like a monitoring plugin: 0, 1, 2 or 3').conflicts('json'),
    )
    .addOption(new Option('--watch', 'refresh it every two seconds').conflicts(['json', 'check']))
    .addOption(
      new Option('--probe <what>', 'for health checks of containers: print one line, and end with 0 or 1')
        .choices(['live', 'ready'])
        .conflicts(['json', 'check', 'watch']),
    )
    .action((options: StatusOptions) => run((world) => status(world, options)));
}

async function status(world: World, options: StatusOptions): Promise<number> {
  if (options.check) return await check(world);
  if (options.probe) return await probe(world, options.probe);
  if (options.watch) return await watch(world, () => screen(world));
  const seen = await look(world);
  return showLaidOut(world, options, seen.report, () => print(world, seen));
}

async function look(world: World): Promise<ShownStatus> {
  const { status: found, directories } = readStatus(world);
  const facts = await lookAtFacts(world, found, directories.runtime);
  const { clock } = await world.services();
  const assessed = reportStatus('status', facts, clock.now());
  return { ...assessed, whose: describeWhose(world, directories), outputs: hookOutputs(world, assessed.report) };
}

function print(world: World, seen: ShownStatus): string {
  return printStatus(seen, { ...screenOf(world), now: Date.parse(seen.report.at) });
}

/** A plugin has no other way to say what went wrong than its line. */
async function check(world: World): Promise<number> {
  try {
    const { level, summary, left } = (await look(world)).assessment;
    world.print(checkLine(level, summary, left));
    return NAGIOS[level];
  } catch (error) {
    world.print(checkLine('unknown', toErrorInfo(error).message));
    return NAGIOS.unknown;
  }
}

/** The exit code of a failed health check: Docker knows no other. */
const FAILED = 1;
/** Time for the answer, in milliseconds: less than the checks of containers have as a rule. */
const ANSWER_MS = 4_000;

/** `live`: the agent answers, whatever has become of the source; `ready`: every sink is up to date. */
async function probe(world: World, what: 'live' | 'ready'): Promise<number> {
  const looked = what === 'live' ? notLive(world) : notReady(world);
  const trouble = await looked.catch((error: unknown) => toErrorInfo(error).message);
  world.print(trouble === undefined ? `${what}\n` : `not ${what}: ${printable(trouble)}\n`);
  return trouble === undefined ? EXIT.done : FAILED;
}

/** Throws where there is no agent. */
async function notLive(world: World): Promise<string | undefined> {
  const late = AbortSignal.timeout(ANSWER_MS);
  try {
    const signal = AbortSignal.any([world.stop, late]);
    await askControl(runtimeDirectory(world), { command: 'ping', notifyAll: false }, signal);
    return undefined;
  } catch (error) {
    if (late.aborted) return `the agent has not answered within ${String(ANSWER_MS / 1000)} s`;
    throw error;
  }
}

async function notReady(world: World): Promise<string | undefined> {
  const { status: found, directories } = readStatus(world);
  const facts = await lookAtFacts(world, found, directories.runtime);
  const now = (await world.services()).clock.now();
  return isUpToDate(facts, now) ? undefined : reportStatus('status', facts, now).assessment.summary;
}

/** While there is no status, why. */
async function screen(world: World): Promise<string> {
  try {
    return print(world, await look(world));
  } catch (error) {
    const { message, hint = '' } = toErrorInfo(error);
    return `${message}\n${hint}\n`;
  }
}

const EVERY_MS = 2_000;

/** Terminal sequences: another screen and no cursor, and back; the top, without what stood there. */
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
const CLEAR = '\u001b[H\u001b[2J';

/** Refreshes a screen until it is stopped, and leaves the terminal as it was. */
async function watch(world: World, screen: () => Promise<string>): Promise<ExitCode> {
  const { terminal, print, stop } = world;
  if (!terminal) {
    throw new AgentError('USAGE', 'expected a terminal to show it on, got something else', {
      hint: 'without --watch it is printed once',
    });
  }
  const { clock } = await world.services();
  print(ENTER);
  try {
    while (!stop.aborted) {
      print(CLEAR + fit(await screen(), terminal));
      await clock.sleep(EVERY_MS, stop);
    }
  } finally {
    print(LEAVE);
  }
  return EXIT.done;
}

/** Cuts the text to the screen: a longer one would push its beginning out. */
function fit(text: string, terminal: Terminal): string {
  const { rows } = terminal.size();
  const lines = text.trimEnd().split('\n');
  if (lines.length <= rows) return lines.join('\n');
  return [...lines.slice(0, rows - 1), `... ${lines.length - rows + 1} more lines`].join('\n');
}
