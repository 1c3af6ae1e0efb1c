import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import type { PassReport, PassTrigger } from '../core/outcomes.ts';
import type { PassRequest } from './rotate.ts';

/** Somebody who has asked for a pass. */
export interface Waiting extends PassRequest {
  readonly answer: PromiseWithResolvers<PassReport>;
}

/** What those who ask at the same time want of the one pass that they get; `usual` when nobody asks. */
export function joined(asked: readonly PassRequest[], usual: PassTrigger): PassRequest {
  const notify = asked.flatMap((one) => one.notify ?? []);
  const acceptedBy = asked.find((one) => one.acceptedBy !== undefined)?.acceptedBy;
  return {
    trigger: asked[0]?.trigger ?? usual,
    notifyAll: asked.some((one) => one.notifyAll),
    ...(notify.length > 0 && { notify }),
    ...(acceptedBy !== undefined && { acceptedBy }),
  };
}

/** Throws a USAGE error that says which consumers there are. */
export function refuseUnknown({ consumers }: Config, { notify = [] }: Pick<PassRequest, 'notify'>): void {
  const names = consumers.map(({ name }) => name);
  const unknown = notify.filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  throw new AgentError('USAGE', `--notify: expected consumers of the configuration, got ${unknown.join(', ')}`, {
    hint: names.length === 0 ? 'it has none' : `one of ${names.join(', ')}`,
  });
}
