import type { SinkDeps } from './compare.ts';
import type { PreviewRequest, SinkPreview } from './contract.ts';
import { prepareSinks } from './prepare.ts';

/** What applying would do, found by the same reading and rendering, without writing anything. Never rejects. */
export async function previewSinks(deps: SinkDeps, request: PreviewRequest): Promise<readonly SinkPreview[]> {
  const prepared = await prepareSinks(deps, { ...request, records: {} }, request.sinks);
  return prepared.map((each) => {
    if ('settled' in each) return each.settled.outcome;
    const { outcome, standing, bytes } = each.change;
    return { ...outcome, ...(standing && { current: standing.bytes }), next: bytes };
  });
}
