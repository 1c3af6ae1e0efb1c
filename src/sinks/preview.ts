import { printOf } from '../core/credentials.ts';
import { previewAs } from './acting/delegate.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import { ACTING_LIMITS, type ActingLimits } from './acting/patience.ts';
import { assign } from './assign.ts';
import type { SinkDeps } from './place.ts';
import type { PreviewRequest, SinkPreview } from './contract.ts';
import { previewOwn } from './preview-own.ts';
import { recordsFor } from './records.ts';

/**
 * What applying would do, found by the same reading and rendering, and with the same identities, without writing
 * anything. Never rejects.
 */
export async function previewSinks(
  deps: SinkDeps,
  request: PreviewRequest,
  limits: ActingLimits = ACTING_LIMITS,
): Promise<readonly SinkPreview[]> {
  const { own, shares, denied, trustedGroups } = await assign(deps, request, { limits });
  const { credentials, origin, rotated, records = {} } = request;
  const wish = { print: printOf(credentials), credentials, origin, rotated, trustedGroups, records };
  const { actors } = deps;
  const users = actors
    ? inLanes(shares, AT_ONCE, ({ user, mount, sinks }) =>
        previewAs({
          user,
          mount,
          actors,
          limits,
          job: { kind: 'preview', ...wish, records: recordsFor(sinks, records), sinks, temps: [] },
        }),
      )
    : [];
  const previews = [...denied, ...(await previewOwn(deps, { ...wish, sinks: own })), ...(await users).flat()];
  const byPath = new Map(previews.map((preview) => [preview.path, preview]));
  return request.sinks.flatMap(({ path }) => byPath.get(path) ?? []);
}
