import type { ConsumerConfig, SinkConfig } from '../core/config.ts';
import type { BootTime } from '../core/contracts.ts';
import { idOf } from '../core/sink-id.ts';
import type { NotifyRequest } from '../notify/contract.ts';
import { lastMoment } from './pending.ts';
import type { AgentState, ConsumerState } from './state.ts';

interface Surroundings {
  readonly bootId: string;
  readonly clockSkew: number;
  readonly spread: number;
  readonly sinks: readonly SinkConfig[];
}

/** What an attempt to notify a consumer is to say; undefined when nothing is pending. */
export function notifyRequest(
  state: AgentState,
  consumer: ConsumerConfig,
  { bootId, sinks, ...circumstances }: Surroundings,
): NotifyRequest | undefined {
  const own: ConsumerState = state.consumers[consumer.name] ?? {};
  const { pending } = own;
  if (!pending) return undefined;
  const isManual = pending.reason === 'manual';
  // When the file that has the new expiration came is not known: its keys came before.
  const changedAt = isManual || pending.reason === 'renewed' ? undefined : lastChange(state, pending.sinks, bootId);
  return {
    consumer,
    generation: pending.generation,
    reason: pending.attempts > 0 && !isManual ? 'retry' : pending.reason,
    paths: [...new Set(sinks.filter((sink) => pending.sinks.includes(idOf(sink))).map(({ path }) => path))],
    ...(changedAt && { changedAt }),
    ...(pending.notified && { notified: pending.notified }),
    ...(own.matched && { matched: own.matched }),
    ...(consumer.when === 'auto' && !pending.urgent && { noRestartBefore: lastMoment(consumer, own, circumstances) }),
  };
}

/** When the last of these sinks changed. Without a record nothing is known, and the consumer is notified in any case. */
function lastChange(state: AgentState, sinks: readonly string[], bootId: string): BootTime | undefined {
  const times: BootTime[] = [];
  for (const sink of sinks) {
    const record = state.sinks[sink];
    if (!record) return undefined;
    times.push(record.renamedAtBoot);
  }
  const ofThisBoot = times.filter((time) => time.bootId === bootId);
  return (ofThisBoot.length > 0 ? ofThisBoot : times).toSorted((a, b) => b.sinceBoot - a.sinceBoot)[0];
}
