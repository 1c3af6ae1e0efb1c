import type { ExecConsumer } from '../core/config.ts';
import type { CommandResult, UserIds } from '../core/contracts.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { KEPT, mask, READ } from '../core/mask.ts';
import type { HookRun } from '../core/outcomes.ts';
import { programUser, refuseUnsafe, runProgram } from '../host/program.ts';
import {
  failed,
  type NotifyAttempt,
  type NotifyDeps,
  type NotifyRequest,
  type NotifyResult,
  type PreparedNotification,
} from './contract.ts';

/** Runs a consumer's program: notified when it ends with exit code 0. */
export async function prepareExec(
  deps: NotifyDeps,
  consumer: ExecConsumer,
  attempt: NotifyAttempt,
): Promise<PreparedNotification> {
  const user = await programUser(deps, consumer.user, failed);
  const mayHang = await refuseUnsafe(deps, consumer.command, failed, attempt.signal);
  return {
    action: `run ${consumer.command[0] ?? ''}`,
    processes: [],
    send: () => run(deps, { ...attempt, consumer, user, mayHang }),
    [Symbol.dispose]: () => undefined,
  };
}

interface HookAttempt extends NotifyAttempt {
  readonly consumer: ExecConsumer;
  readonly user: UserIds;
  readonly mayHang: boolean;
}

async function run(deps: NotifyDeps, { consumer, request, signal, user, mayHang }: HookAttempt): Promise<NotifyResult> {
  const { name, command, timeout } = consumer;
  const program = {
    name: `notify-${name}`,
    command,
    timeoutMs: timeout,
    user,
    env: contextOf(request),
    size: { keep: READ },
  };
  const result = await runProgram(deps, program, mayHang, signal);
  const hook = hookRun(deps, result);
  if (result.exitCode !== 0) return { result: 'pending', kind: 'refused', error: failure(consumer, result), hook };
  return { result: 'notified', detail: `${command[0] ?? ''} ended with exit code 0`, hook };
}

function hookRun({ clock, secrets = () => [] }: NotifyDeps, { exitCode, output, complaint }: CommandResult): HookRun {
  const printed = [output, complaint].map((text) => mask(text, secrets())).join('');
  return { at: clock.now(), ...(exitCode !== null && { exitCode }), output: printed.slice(-KEPT) };
}

function failure({ command: [program = ''], timeout }: ExecConsumer, result: CommandResult): ErrorInfo {
  const hint = 'sudo credrotate status shows what it printed';
  if (!result.timedOut) {
    return failed(`${program}: expected exit code 0, got ${result.exitCode ?? result.signal}`, hint).toInfo();
  }
  const message = `${program}: expected an end within ${timeout / 1000} s, got none`;
  return { code: 'CONSUMER_TIMEOUT', message, hint: `see what it waits for, or raise timeout; ${hint}` };
}

/** The kernel allows 128 KiB for a variable; a longer list of sinks is left out, so that the program can run. */
const MAX_LIST = 64 * 1024;

/** The environment of a hook: no secrets, and nothing of our own environment. */
function contextOf({ consumer, generation, reason, paths }: NotifyRequest): Readonly<Record<string, string>> {
  const list = paths.join('\n');
  return {
    CREDROTATE_CONSUMER: consumer.name,
    CREDROTATE_GENERATION: String(generation),
    CREDROTATE_REASON: reason,
    ...(list.length < MAX_LIST && { CREDROTATE_SINKS: list }),
  };
}
