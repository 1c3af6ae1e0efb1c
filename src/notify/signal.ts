import type { SignalConsumer } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import type { NotifyDeps, NotifyRequest, NotifyResult } from './contract.ts';
import { notifyMatches } from './match.ts';
import { readPidFile, type PidFile } from './pid-file.ts';
import { assertProcessesVisible, readProcess, type ProcessFacts } from './proc.ts';
import { ended, sendTo, startedAfter, type Aim } from './send.ts';

/** Signals the processes of a consumer, by its pid file or by executable and user. */
export async function notifyBySignal(
  deps: NotifyDeps,
  consumer: SignalConsumer,
  { request, signal }: { readonly request: NotifyRequest; readonly signal: AbortSignal },
): Promise<NotifyResult> {
  assertProcessesVisible(deps.self);
  const { handlesSignal, target } = consumer;
  const aim: Aim = { signal: consumer.signal, handlesSignal, changedAt: request.changedAt, abort: signal };
  if ('process' in target) return await notifyMatches(deps, target.process, aim, request.notified ?? []);
  return await notifyByPidFile(deps, target.pidFile, aim);
}

async function notifyByPidFile(deps: NotifyDeps, path: string, aim: Aim): Promise<NotifyResult> {
  const file = await readPidFile(deps, path, aim.abort);
  if (!file) return { result: 'not_running', detail: `no ${path}` };
  const pid = plausiblePid(path, file);
  using held = deps.processes.open(pid);
  const facts = held && readProcess(pid);
  if (!held || !facts?.isAlive) return ended(pid);
  refuseOthers(path, file, facts);
  if (!startedAfter(deps, facts, aim.changedAt)) refuseReused(deps, path, { file, facts });
  return await sendTo(deps, held, facts, aim);
}

/** 0 and negative numbers stand for groups of processes, 1 is everybody's parent. */
function plausiblePid(path: string, { pid }: PidFile): number {
  if (pid === undefined) throw notMeant(path, 'got something else than a number', 'see what writes the pid file');
  if (pid > 1 && pid !== process.pid) return pid;
  throw notMeant(path, `got the number ${pid}`, 'see what writes the pid file');
}

/** Whoever can write a pid file, or rename what leads to it, must not thereby reach processes of others. */
function refuseOthers(path: string, { user }: PidFile, facts: ProcessFacts): void {
  const { pid, uids } = facts;
  if (facts.isKernelThread || facts.isThread) throw notMeant(path, `got pid ${pid}, which is none`, 'remove it');
  if (user === undefined || Object.values(uids).every((uid) => uid === user)) return;
  throw notMeant(
    path,
    `got pid ${pid}, which is not a process of uid ${user}, to whom the path belongs`,
    'give the pid file and its directory to root, or name the program instead (process: {exe, user})',
  );
}

/** Granularity of file times and of the kernel's clock, and small corrections of the time; milliseconds. */
const SLACK = 2_000;

/** A process is older than the pid file that it wrote; one that is younger has inherited the number. */
function refuseReused(
  deps: NotifyDeps,
  path: string,
  { file, facts }: { readonly file: PidFile; readonly facts: ProcessFacts },
): void {
  const age = deps.clock.now() - file.writtenAt;
  if (facts.startedAt <= deps.readBootTime().sinceBoot - age + SLACK) return;
  throw notMeant(
    path,
    `got pid ${facts.pid}, which started after the file was written`,
    `if the program has ended, remove the file; if it runs and the clock was set since, touch ${path}`,
  );
}

function notMeant(path: string, got: string, hint: string): AgentError {
  return new AgentError('CONSUMER_NOT_MEANT', `${path}: expected the id of the consumer's process, ${got}`, { hint });
}
