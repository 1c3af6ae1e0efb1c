import { toErrorInfo } from '../core/errors.ts';
import type { NotifyDeps, TellRequest, TellResult } from './contract.ts';
import { tellByExec } from './exec.ts';
import { tellBySignal } from './signal.ts';
import { tellBySystemd } from './systemd.ts';

export type { NotifyDeps, TellRequest, TellResult } from './contract.ts';

/** Makes one attempt to tell one consumer. Failures are results; only an abort rejects. */
export async function tell(deps: NotifyDeps, request: TellRequest, signal: AbortSignal): Promise<TellResult> {
  signal.throwIfAborted();
  try {
    return await attempt(deps, request, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { result: 'pending', error: toErrorInfo(error, 'CONSUMER_FAILED'), kind: 'refused' };
  }
}

function attempt(deps: NotifyDeps, request: TellRequest, signal: AbortSignal): Promise<TellResult> {
  const { consumer } = request;
  switch (consumer.type) {
    case 'signal':
      return tellBySignal(deps, consumer, { request, signal });
    case 'systemd':
      return tellBySystemd(deps, consumer, { request, signal });
    case 'exec':
      return tellByExec(deps, consumer, { request, signal });
  }
}
