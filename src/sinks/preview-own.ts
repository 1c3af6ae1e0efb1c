import type { SinkConfig } from '../core/config.ts';
import type { SinkDeps, Wish } from './compare.ts';
import type { SinkPreview } from './contract.ts';
import { prepareSinks } from './prepare.ts';

/** What this process's own identity would do. Never rejects. */
export async function previewOwn(
  deps: SinkDeps,
  request: Wish & { readonly sinks: readonly SinkConfig[] },
): Promise<readonly SinkPreview[]> {
  const prepared = await prepareSinks(deps, request, request.sinks);
  return prepared.map((each) => {
    if ('settled' in each) return each.settled.outcome;
    const { outcome, standing, bytes } = each.change;
    return { ...outcome, ...(standing && { current: standing.bytes }), next: bytes };
  });
}
