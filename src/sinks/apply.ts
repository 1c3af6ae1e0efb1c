import { printOf } from '../core/credentials.ts';
import type { ActingLimits } from './acting/patience.ts';
import { writing } from './compare.ts';
import type { ApplyRequest, ApplyResult, PreviewRequest, SinkPreview } from './contract.ts';
import type { SinkDeps } from './place.ts';
import { run } from './run.ts';

/** Makes every sink equal to the credentials, with the configured mode and owner. Never rejects. */
export async function applySinks(deps: SinkDeps, request: ApplyRequest, limits?: ActingLimits): Promise<ApplyResult> {
  const { print, credentials, origin, rotated, records } = request;
  const wish = { kind: 'apply', print, credentials, origin, rotated, records } as const;
  return await run(deps, request, { wish, prepare: writing(deps, wish), limits });
}

/**
 * What applying would do, found by the same reading and rendering, and with the same identities, without writing
 * anything. Never rejects.
 */
export async function previewSinks(
  deps: SinkDeps,
  request: PreviewRequest,
  limits?: ActingLimits,
): Promise<readonly SinkPreview[]> {
  const { credentials, origin, rotated, records = {} } = request;
  const wish = { kind: 'preview', print: printOf(credentials), credentials, origin, rotated, records } as const;
  const look = { sinks: request.sinks, trustedGroups: request.trustedGroups };
  return (await run(deps, look, { wish, prepare: writing(deps, wish), limits })).outcomes;
}
