import { readFileSync } from 'node:fs';
import type { ConsumerConfig, SinkConfig, SystemdConsumer } from '../../core/config.ts';
import type { ConsumerFacts, UnitFacts } from '../../doctor/contract.ts';
import { foresee } from '../../notify/notify.ts';
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
  const request = { consumer, generation: 0, reason: 'manual', sinks: [] } as const;
  const { processes, result } = await foresee(deps.notify, request, deps.signal);
  const error = result?.result === 'pending' ? { error: result.error } : {};
  const common = { name, sinks, processes, ...error };
  if (consumer.type === 'exec') return { ...common, told: 'hook' };
  if (consumer.type === 'systemd') {
    const shown = await show(deps, consumer.unit, PROPERTIES);
    if (!shown) deps.miss({ subject: consumer.unit, reason: 'systemd is not there, or gives no answer' });
    const unit = shown && (await unitFacts(deps, consumer, shown));
    return { ...common, told: howTold(consumer, unit), ...(unit && { unit }) };
  }
  const unitName = processes.map(({ pid }) => unitOf(pid)).find((one) => one !== undefined);
  const shown = unitName === undefined ? undefined : await show(deps, unitName, PROPERTIES);
  const unit = shown && unitName !== undefined && (await unitFacts(deps, { unit: unitName, action: 'kill' }, shown));
  return { ...common, told: 'signal', ...(unit && { unit }) };
}

function sinkOf(sink: SinkConfig): ConsumerFacts['sinks'][number] {
  const { path, format } = sink;
  return { path, format, ...(sink.format === 'aws-credentials' && { profile: sink.profile }) };
}

const PROPERTIES = ['LoadState', 'CanReload', 'Restart', 'Environment', 'EnvironmentFiles'];

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

/** The service that a process belongs to, by its control group. */
function unitOf(pid: number): string | undefined {
  try {
    return /\/([^/\n]+\.service)(?:\/|$)/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
