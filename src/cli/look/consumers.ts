import { readFileSync } from 'node:fs';
import type { ConsumerConfig, SinkConfig, SystemdConsumer } from '../../core/config.ts';
import { toErrorInfo } from '../../core/errors.ts';
import type { ConsumerFacts, ProcessFacts, UnitFacts } from '../../doctor/contract.ts';
import { examineCommand } from '../../notify/exec.ts';
import { foresee, foreseeSignal } from '../../notify/foresee.ts';
import { assertSystemd } from '../../notify/systemd.ts';
import type { LookDeps } from './contract.ts';
import { filesOf, readEnvironment } from './environment.ts';
import { textOf, type Shown } from '../../host/systemctl.ts';
import { show } from './show.ts';

export async function lookAtConsumers(deps: LookDeps): Promise<readonly ConsumerFacts[]> {
  const found: ConsumerFacts[] = [];
  // One after another: each has systemd answer.
  for (const consumer of deps.config.consumers) found.push(await lookAt(deps, consumer));
  return found;
}

async function lookAt(deps: LookDeps, consumer: ConsumerConfig): Promise<ConsumerFacts> {
  const { name } = consumer;
  const sinks = deps.config.sinks.filter((sink) => sink.notify.includes(name)).map(sinkOf);
  if (consumer.type === 'exec') {
    const trouble = await troubleOf(deps, name, () => examineCommand(deps.notify, consumer, deps.signal));
    return { name, told: 'hook', sinks, processes: [], ...trouble };
  }
  if (consumer.type === 'systemd') {
    const shown = await show(deps, consumer.unit, PROPERTIES);
    const trouble = await troubleOf(deps, name, () => {
      assertSystemd(deps.notify);
    });
    const unit = shown && (await unitFacts(deps, consumer, shown));
    const processes = await mainProcess(deps, consumer, shown);
    return { name, told: howTold(consumer, unit), sinks, processes, ...(unit && { unit }), ...trouble };
  }
  let processes: readonly ProcessFacts[] = [];
  const trouble = await troubleOf(deps, name, async () => {
    processes = await foreseeSignal(deps.notify, consumer, deps.signal);
  });
  const unitName = processes.map(({ pid }) => unitOf(pid)).find((one) => one !== undefined);
  const shown = unitName === undefined ? undefined : await show(deps, unitName, PROPERTIES);
  const unit = shown && unitName !== undefined && (await unitFacts(deps, { unit: unitName, action: 'kill' }, shown));
  return { name, told: 'signal', sinks, processes, ...(unit && { unit }), ...trouble };
}

function sinkOf(sink: SinkConfig): ConsumerFacts['sinks'][number] {
  const { path, format } = sink;
  return { path, format, ...(sink.format === 'aws-credentials' && { profile: sink.profile }) };
}

const PROPERTIES = ['LoadState', 'CanReload', 'Restart', 'MainPID', 'Environment', 'EnvironmentFiles'];

async function unitFacts(
  deps: LookDeps,
  { unit: name, action }: Pick<SystemdConsumer, 'unit' | 'action'>,
  shown: Shown,
): Promise<UnitFacts> {
  return {
    name,
    action,
    isThere: textOf(shown, 'LoadState') !== 'not-found',
    canReload: textOf(shown, 'CanReload') === 'yes',
    restart: textOf(shown, 'Restart') || 'no',
    environment: await readEnvironment(deps, shown),
    environmentFiles: filesOf(shown),
  };
}

function howTold({ action }: SystemdConsumer, unit: UnitFacts | undefined): ConsumerFacts['told'] {
  if (action === 'kill') return 'signal';
  if (action === 'try-reload-or-restart') return unit?.canReload === false ? 'restart' : 'reload';
  return action;
}

async function mainProcess(
  deps: LookDeps,
  { name, action, signal }: SystemdConsumer,
  shown: Shown | undefined,
): Promise<readonly ProcessFacts[]> {
  const pid = Number(shown ? textOf(shown, 'MainPID') : 0);
  if (!(pid > 1)) return [];
  return await noting(deps, name, async () => {
    const process = await foresee(deps.notify, pid, action === 'kill' ? signal : undefined, deps.signal);
    return process ? [process] : [];
  });
}

/** What a pass would fail with. Who is not root may not look where the agent may: that is no trouble of the agent's. */
async function troubleOf(
  deps: LookDeps,
  subject: string,
  look: () => unknown,
): Promise<Pick<ConsumerFacts, 'trouble'>> {
  try {
    await look();
    return {};
  } catch (error) {
    deps.signal.throwIfAborted();
    const trouble = toErrorInfo(error, 'CONSUMER_UNINSPECTABLE');
    if (deps.notify.self.uid === 0 || trouble.code !== 'CONSUMER_UNINSPECTABLE') return { trouble };
    deps.miss({ subject, reason: trouble.message });
    return {};
  }
}

async function noting<T>(deps: LookDeps, subject: string, look: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await look();
  } catch (error) {
    deps.signal.throwIfAborted();
    deps.miss({ subject, reason: toErrorInfo(error).message });
    return [];
  }
}

/** The service that a process belongs to, by its control group. */
function unitOf(pid: number): string | undefined {
  try {
    return /\/([^/\n]+\.service)(?:\/|$)/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
