import type { SinkConfig } from '../core/config.ts';
import type { Prepared } from './compare.ts';
import type { SinkDeps, Wish } from './place.ts';
import type { SinkPreview } from './contract.ts';
import { batches } from './descriptors.ts';
import { Places, type Holders } from './places.ts';
import { prepareSinks } from './prepare.ts';

/** What this process's own identity would do. Never rejects. */
export async function previewOwn(
  deps: SinkDeps,
  request: Wish & { readonly sinks: readonly SinkConfig[] },
): Promise<readonly SinkPreview[]> {
  const holders: Holders = new Map();
  const previews: SinkPreview[] = [];
  for (const batch of batches(request.sinks)) {
    using places = new Places(deps, request, holders);
    previews.push(...(await prepareSinks(deps, request, places, batch)).map(preview));
  }
  return previews;
}

function preview(prepared: Prepared): SinkPreview {
  if ('settled' in prepared) return prepared.settled.outcome;
  const { outcome, standing, bytes } = prepared.change;
  return { ...outcome, ...(standing && { current: standing.bytes }), next: bytes };
}
