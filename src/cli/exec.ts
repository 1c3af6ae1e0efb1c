import { constants } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describeForeign, isErrno } from '../core/errors.ts';
import { environmentOf } from '../sinks/formats/export.ts';
import { isAllowed, obtain, withSource, type SourceOptions } from './obtain.ts';
import { CommandFailure } from './options.ts';
import type { Run, World } from '../agent/world.ts';

const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** With these set, SDKs look elsewhere first, or take an old token for ours. */
const SHADOWING = ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_SECURITY_TOKEN'];

export function addExec(program: Command, run: Run): void {
  // Everything behind the program's name belongs to the program.
  withSource(program.enablePositionalOptions().command('exec'))
    .argument('<command...>', 'program and arguments')
    .passThroughOptions()
    .summary('run a program with the credentials in its environment')
    .description(
      'Become a program that has the credentials in its environment. They do not change: a program that runs ' +
        'longer than they live needs a sink, or credential_process. It may open as many files as its hard limit allows; ' +
        'prlimit(1) before its name sets another.',
    )
    .action((command: readonly string[], options: SourceOptions) => run((world) => exec(world, command, options)));
}

async function exec(world: World, [name = '', ...args]: readonly string[], options: SourceOptions): Promise<never> {
  const { credentials } = await obtain(world, options);
  const kept = Object.entries(world.env).filter(([variable]) => !SHADOWING.includes(variable));
  const env = Object.fromEntries([...kept, ...Object.entries(environmentOf(credentials))]);
  const path = await find(name, world.env['PATH']);
  try {
    return await world.become(path, [name, ...args], env);
  } catch (error) {
    // A script without #!: the shell's, as execvp(3) has it.
    if (isErrno(error, 'ENOEXEC')) return await world.become('/bin/sh', ['sh', path, ...args], env);
    throw unusable(name, describeForeign(error), isErrno(error, 'ENOENT') ? NOT_FOUND : NOT_EXECUTABLE);
  }
}

/** The first in PATH that can be executed, as a shell looks for it. */
async function find(name: string, path = '/usr/local/bin:/usr/bin:/bin'): Promise<string> {
  const places = name.includes('/') ? [name] : path.split(':').map((directory) => join(directory || '.', name));
  let isThere = false;
  for (const place of name === '' ? [] : places) {
    const isFile = await stat(place).then(
      (found) => found.isFile(),
      () => undefined,
    );
    isThere ||= isFile !== undefined;
    if (isFile && (await isAllowed(place, constants.X_OK))) return place;
  }
  throw isThere
    ? unusable(name, 'something that cannot be executed', NOT_EXECUTABLE)
    : unusable(name, 'nothing', NOT_FOUND);
}

function unusable(name: string, got: string, exitCode: number): CommandFailure {
  return new CommandFailure(`credrotate: exec: ${name}: expected a program, got ${got}\n`, exitCode);
}
