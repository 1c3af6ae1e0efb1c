import { toErrorInfo } from '../core/errors.ts';
import type { Outcome, Prospect } from '../core/outcomes.ts';
import type { NotifyDeps, NotifyRequest, NotifyResult, PreparedNotification } from './contract.ts';
import { prepareExec } from './exec.ts';
import { prepareSignal } from './send.ts';
import { prepareUnit } from './systemd.ts';

/**
 * Makes one attempt to notify one consumer, which is to be watched after `sent` (watch.ts). Failures are results; only
 * an abort rejects.
 */
export async function notify(deps: NotifyDeps, request: NotifyRequest, signal: AbortSignal): Promise<NotifyResult> {
  try {
    using prepared = await prepare(deps, request, signal);
    return prepared.result ?? (await prepared.send());
  } catch (error) {
    return refusedBy(error, signal);
  }
}

/** The notification that {@link notify} would make now, found in the same way. Sends nothing; only an abort rejects. */
export async function dryRun(deps: NotifyDeps, request: NotifyRequest, signal: AbortSignal): Promise<Prospect> {
  try {
    using prepared = await prepare(deps, request, signal);
    const { action, processes, result } = prepared;
    return { action, processes, ...(result && { result }) };
  } catch (error) {
    return { action: '', processes: [], result: refusedBy(error, signal) };
  }
}

function refusedBy(error: unknown, signal: AbortSignal): Outcome {
  signal.throwIfAborted();
  return { result: 'pending', error: toErrorInfo(error, 'CONSUMER_FAILED'), kind: 'refused' };
}

async function prepare(deps: NotifyDeps, request: NotifyRequest, signal: AbortSignal): Promise<PreparedNotification> {
  signal.throwIfAborted();
  const { consumer } = request;
  switch (consumer.type) {
    case 'signal':
      return prepareSignal(deps, consumer, { request, signal });
    case 'systemd':
      return prepareUnit(deps, consumer, { request, signal });
    case 'exec':
      return prepareExec(deps, consumer, { request, signal });
  }
}
