import type { ActingLimits } from './acting/patience.ts';
import type { ForgetRequest, ForgetResult, SinkPreview } from './contract.ts';
import { forgetting, type ForgetDeps } from './inspect.ts';
import { run } from './apply.ts';

/**
 * Takes what is ours out of the sinks, under the promise under which it was written: atomically, with the mode and
 * owner that the file has, comparing before the rename, and on a user's path by a process of that user. A file in which
 * nothing is left goes. Never rejects.
 */
export async function forgetSinks(
  deps: ForgetDeps,
  request: ForgetRequest,
  limits?: ActingLimits,
): Promise<ForgetResult> {
  const { keyId, force } = request;
  const wish = { kind: 'forget', keyId, force } as const;
  return await run(deps, request, { wish, prepare: forgetting(deps, wish), limits, keepsOwners: true });
}

/** What it would do: changes nothing. Never rejects. */
export async function previewForget(
  deps: ForgetDeps,
  { keyId, force, ...look }: Omit<ForgetRequest, 'beforeWrite' | 'temps'>,
  limits?: ActingLimits,
): Promise<readonly SinkPreview[]> {
  const wish = { kind: 'preview-forget', keyId, force } as const;
  return (await run(deps, look, { wish, prepare: forgetting(deps, wish), limits, keepsOwners: true })).outcomes;
}
