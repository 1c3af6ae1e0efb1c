import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ConsumerConfig } from '../../src/core/config.ts';
import type { Outcome } from '../../src/core/outcomes.ts';
import type { NotifyDeps, NotifyRequest } from '../../src/notify/contract.ts';
import { notify } from '../../src/notify/notify.ts';
import { watch } from '../../src/notify/watch.ts';
import { readBootTime } from '../../src/system/boot-time.ts';
import { createActors } from '../../src/system/actors.ts';
import { createCommands } from '../../src/system/commands.ts';
import { createProcesses } from '../../src/system/processes.ts';
import { createUsers } from '../../src/host/users.ts';
import { executable } from './product.ts';
import { eventually } from './eventually.ts';

export const NOBODY = 65_534;
/** Two users whom every machine has: daemon and bin, or the other way round. */
export const [USER, STRANGER] = [2, 1];
export const isRoot = process.getuid?.() === 0;
export const needsRoot = isRoot ? false : 'needs root: processes of two users';

/** The real outside world, on a host without systemd. */
export function realDeps(overrides: Partial<NotifyDeps> = {}): NotifyDeps {
  const commands = createCommands();
  return {
    clock: { now: () => Date.now() },
    readBootTime,
    commands,
    processes: createProcesses(),
    users: createUsers({ commands }),
    self: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    ...(isRoot && { actors: createActors([executable]) }),
    host: { path: '/usr/bin:/bin', systemd: '/proc/nonexistent', net: '/proc/net' },
    watch: { windowMs: 200, successorMs: 2_000 },
    ...overrides,
  };
}

/** As a pass makes it whose sinks changed now, after everything that runs was started. */
export function requestFor(consumer: ConsumerConfig, overrides: Partial<NotifyRequest> = {}): NotifyRequest {
  const changedAt = readBootTime();
  return { consumer, generation: 7, reason: 'changed', paths: ['/etc/app/aws.env'], changedAt, ...overrides };
}

/** An attempt, and what has become of it. */
export async function notifyAndWatch(deps: NotifyDeps, request: NotifyRequest, signal: AbortSignal): Promise<Outcome> {
  const result = await notify(deps, request, signal);
  if (result.result !== 'sent') return result;
  const { sent, rest } = result;
  return rest ?? (await watch(deps, request.consumer, sent, signal));
}

/** Resolves when `condition` holds; a test that waits in vain fails at the end of its patience. */
export async function until(condition: () => boolean): Promise<void> {
  await eventually(String(condition), condition);
}

export interface Program {
  readonly pid: number;
  /** What it has printed. */
  readonly output: () => string;
  readonly isRunning: () => boolean;
  readonly child: ChildProcess;
}

interface ProgramOptions {
  readonly uid?: number;
  /** Wait until it has printed this. */
  readonly ready?: string;
}

/** Starts a real program in a process group of its own, which ends with the test. */
export async function startProgram(
  context: TestContext,
  [program = '', ...args]: readonly string[],
  { uid, ready }: ProgramOptions = {},
): Promise<Program> {
  const identity = uid === undefined ? {} : { uid, gid: uid };
  const child = spawn(program, args, { cwd: '/', detached: true, stdio: ['pipe', 'pipe', 'inherit'], ...identity });
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  const exited = once(child, 'exit');
  await once(child, 'spawn');
  const { pid } = child;
  assert.ok(pid !== undefined);
  context.after(async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, 'SIGKILL');
    await exited;
    // What it has left behind may keep it open.
    child.stdout.destroy();
  });
  if (ready !== undefined) await until(() => printed.includes(ready));
  return {
    pid,
    output: () => printed,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    child,
  };
}

/** For a shell: prints HUP for each SIGHUP, has no children of its own, and ends with its parent. */
export const HUP_PRINTER = 'trap "echo HUP" HUP; echo ready; while [ -d /proc/$PPID ]; do read line; done';

export async function startHupPrinter(
  context: TestContext,
  options: { readonly uid?: number; readonly shell?: string } = {},
): Promise<Program> {
  return await startProgram(context, [options.shell ?? '/bin/sh', '-c', HUP_PRINTER], { ...options, ready: 'ready' });
}

/** A program that nobody else on this machine runs, so that matching it reaches nobody else. */
export function privateCopy(program: string, directory: string, name: string): string {
  const copy = join(directory, name);
  copyFileSync(program, copy);
  return copy;
}

/** `sleep` with its signals set up by coreutils' env: `--block-signal=HUP`, `--ignore-signal=HUP`. */
export async function startSleep(context: TestContext, option?: string, uid?: number): Promise<Program> {
  const command = ['/usr/bin/env', ...(option === undefined ? [] : [option]), 'sleep', '1000'];
  const program = await startProgram(context, command, uid === undefined ? {} : { uid });
  await until(() => readFileSync(`/proc/${program.pid}/comm`, 'utf8') === 'sleep\n');
  return program;
}
