import type { ConsumerConfig } from '../core/config.ts';
import type { BootTime } from '../core/contracts.ts';
import type { TellRequest } from '../notify/contract.ts';
import { lastMoment } from './owed.ts';
import type { AgentState, ConsumerState } from './state.ts';

/** What an attempt to tell a consumer is to say; undefined when nothing is owed to it. */
export function tellRequest(
  state: AgentState,
  consumer: ConsumerConfig,
  { bootId, clockSkew }: { readonly bootId: string; readonly clockSkew: number },
): TellRequest | undefined {
  const own: ConsumerState = state.consumers[consumer.name] ?? {};
  const { owed } = own;
  if (!owed) return undefined;
  const isManual = owed.reason === 'manual';
  const changedAt = isManual ? undefined : lastChange(state, owed.sinks, bootId);
  return {
    consumer,
    generation: owed.generation,
    reason: owed.attempts > 0 && !isManual ? 'retry' : owed.reason,
    sinks: owed.sinks,
    ...(changedAt && { changedAt }),
    ...(owed.told && { told: owed.told }),
    ...(consumer.tell === 'auto' && !owed.urgent && { noRestartBefore: lastMoment(consumer, own, clockSkew) }),
  };
}

/** When the last of these sinks changed. Without a record nothing is known, and the consumer is told in any case. */
function lastChange(state: AgentState, sinks: readonly string[], bootId: string): BootTime | undefined {
  const times: BootTime[] = [];
  for (const path of sinks) {
    const record = state.sinks[path];
    if (!record) return undefined;
    times.push(record.renamedAtBoot);
  }
  const ofThisBoot = times.filter((time) => time.bootId === bootId);
  return (ofThisBoot.length > 0 ? ofThisBoot : times).toSorted((a, b) => b.sinceBoot - a.sinceBoot)[0];
}
