import { join } from 'node:path';
import { Option, type Command } from 'commander';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { SYSTEM_RUNTIME } from '../core/directories.ts';
import type { ExitCode } from '../core/exit.ts';
import { assess, exitCodeOfStatus } from '../report/assess.ts';
import { checkLine, NAGIOS } from '../report/check-line.ts';
import type { Look } from '../report/layout.ts';
import { printStatus } from '../report/print-status.ts';
import { parseStatus } from '../report/status-schema.ts';
import type { Status } from '../report/status.ts';
import { STATUS } from './own.ts';
import { readStatusText } from './publish.ts';
import { screenOf } from './screen.ts';
import { watch } from './watch.ts';
import type { Run, World } from './world.ts';

interface StatusOptions {
  readonly json?: true;
  readonly check?: true;
  readonly watch?: true;
}

export function addStatus(program: Command, run: Run): void {
  program
    .command('status')
    .summary('show what stands, how long it is good, and what is pending')
    .description('Show the source, the sinks and the consumers as the last pass left them. Anybody may run it.')
    .addOption(new Option('--json', 'print the status as JSON'))
    .addOption(
      new Option('--check', 'print one line, and end like a monitoring plugin: 0, 1, 2 or 3').conflicts('json'),
    )
    .addOption(new Option('--watch', 'show it anew every two seconds').conflicts(['json', 'check']))
    .action((options: StatusOptions) => run((world) => status(world, options)));
}

async function status(world: World, options: StatusOptions): Promise<number> {
  if (options.check) return await check(world);
  if (options.watch) return await watch(world, () => screen(world));
  const { text, current } = read(world);
  if (options.json) world.print(text);
  else world.print(printStatus(current, await lookOf(world)));
  return await exitCode(world, current);
}

async function exitCode(world: World, current: Status): Promise<ExitCode> {
  return exitCodeOfStatus(current, assess(current, await nowIn(world)));
}

/** A plugin has no other way to say what went wrong than its line. */
async function check(world: World): Promise<number> {
  try {
    const { level, findings, left } = assess(read(world).current, await nowIn(world));
    world.print(checkLine(level, findings, left));
    return NAGIOS[level];
  } catch (error) {
    world.print(checkLine('unknown', [toErrorInfo(error).message]));
    return NAGIOS.unknown;
  }
}

/** While there is no status, why. */
async function screen(world: World): Promise<string> {
  try {
    return printStatus(read(world).current, await lookOf(world));
  } catch (error) {
    const { message, hint = '' } = toErrorInfo(error);
    return `${message}\n${hint}\n`;
  }
}

async function lookOf(world: World): Promise<Look> {
  return { ...screenOf(world), now: await nowIn(world) };
}

async function nowIn(world: World): Promise<number> {
  return (await world.services()).clock.now();
}

interface Found {
  readonly text: string;
  readonly current: Status;
}

function read(world: World): Found {
  const { path, text } = readFirst(world, places(world));
  const current = parseStatus(text);
  if (current) return { text, current };
  throw new AgentError('AGENT_ABSENT', `${path}: expected a status of this version of credrotate, got something else`, {
    hint: 'have it written anew: credrotate refresh, or credrotate once',
  });
}

/** Who has no agent of their own is shown that of the system. */
function places({ directories: { runtime }, env }: World): readonly string[] {
  const isChosen = Boolean(env['RUNTIME_DIRECTORY']) || runtime === SYSTEM_RUNTIME;
  return [runtime, ...(isChosen ? [] : [SYSTEM_RUNTIME])];
}

interface Opened {
  readonly path: string;
  readonly text: string;
}

function readFirst(world: World, [runtime = '', ...others]: readonly string[]): Opened {
  const path = join(runtime, STATUS);
  try {
    const text = readStatusText({ ...world, directories: { ...world.directories, runtime } });
    if (text !== undefined) return { path, text };
  } catch (error) {
    const got = toErrorInfo(error).message;
    throw new AgentError('AGENT_ABSENT', `${path}: no status there: ${got}`, { hint: 'see who may read it: ls -l' });
  }
  if (others.length > 0) return readFirst(world, others);
  throw new AgentError('AGENT_ABSENT', `${path}: no status there: ENOENT on open`, {
    hint: 'make a first pass: systemctl start credrotate, or credrotate once',
  });
}
