import { toErrorInfo } from '../core/errors.ts';
import type { NotifyDeps, NotifyRequest, NotifyResult } from './contract.ts';
import { notifyByExec } from './exec.ts';
import { notifyBySignal } from './signal.ts';
import { notifyBySystemd } from './systemd.ts';

export type { NotifyDeps, NotifyRequest, NotifyResult } from './contract.ts';

/** Makes one attempt to notify one consumer. Failures are results; only an abort rejects. */
export async function notify(deps: NotifyDeps, request: NotifyRequest, signal: AbortSignal): Promise<NotifyResult> {
  signal.throwIfAborted();
  try {
    return await attempt(deps, request, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { result: 'pending', error: toErrorInfo(error, 'CONSUMER_FAILED'), kind: 'refused' };
  }
}

function attempt(deps: NotifyDeps, request: NotifyRequest, signal: AbortSignal): Promise<NotifyResult> {
  const { consumer } = request;
  switch (consumer.type) {
    case 'signal':
      return notifyBySignal(deps, consumer, { request, signal });
    case 'systemd':
      return notifyBySystemd(deps, consumer, { request, signal });
    case 'exec':
      return notifyByExec(deps, consumer, { request, signal });
  }
}
