import type { SinkConfig } from '../core/config.ts';
import { displayKeyId, NOT_SHOWN } from '../core/credentials.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { printable } from '../core/printable.ts';
import { warningsOf, type Replacement } from './compare.ts';
import type { SinkDeps } from './place.ts';
import type { Forget, ForgetRequest } from './contract.ts';
import { explain, failed, outcome } from './failure.ts';
import { refuseUnwritable, type Places, type Where } from './places.ts';
import { modeOf } from './records.ts';
import { lookAt, readStanding } from './standing.ts';

export interface ForgetDeps extends SinkDeps {
  readonly forget: Forget;
}

/** What one identity is to forget by itself: this process's own. */
export interface OwnForget extends Pick<ForgetRequest, 'sinks' | 'temps' | 'keyId' | 'force'> {
  /** Group ids. */
  readonly trustedGroups: readonly number[];
}

/** A file that has something of ours in it; without bytes it is to go. */
export interface Cut extends Omit<Replacement, 'bytes'> {
  readonly bytes: Buffer | undefined;
}

export type Inspected = { readonly settled: SinkOutcome } | { readonly cut: Cut };

/** Looks at each sink, and at what would be left of it without us; changes nothing. */
export function inspectSinks(deps: ForgetDeps, request: OwnForget, places: Places): readonly Inspected[] {
  return request.sinks.map((sink) => {
    try {
      return inspect(deps, request, sink, places.spotOf(sink.path));
    } catch (error) {
      return { settled: failed(sink, toErrorInfo(explain(error, 'SINK_UNREADABLE', sink.path))) };
    }
  });
}

function inspect(deps: ForgetDeps, request: OwnForget, sink: SinkConfig, spot: Where): Inspected {
  const seen = spot.missing.length === 0 && lookAt(spot);
  const standing = seen ? readStanding(spot, deps.security) : undefined;
  if (!standing) return { settled: outcome(sink, 'unchanged') };
  const forgotten = deps.forget(standing.bytes, sink);
  if (!forgotten.ok) return { settled: failed(sink, forgotten.error) };
  const { bytes, keyIds, warnings } = forgotten;
  if (bytes === standing.bytes) return { settled: outcome(sink, 'unchanged') };
  if (!request.force) refuseForeign(sink, keyIds, request.keyId);
  // The group's bits of a file with an ACL are the ACL's mask, which would let the group in once the ACL is gone.
  const mode = standing.hasAcl ? sink.mode : modeOf(standing.stat);
  const ids = { uid: Number(standing.stat.uid), gid: Number(standing.stat.gid) };
  refuseUnwritable(spot);
  const place = { ...spot, sink: { ...sink, mode }, ids, warnings: [] };
  const reported = { ...outcome(sink, bytes ? 'forgotten' : 'removed'), bytesChanged: true };
  return {
    cut: {
      ...place,
      standing,
      bytes,
      outcome: { ...reported, warnings: [...warnings, ...warningsOf(place, standing)] },
    },
  };
}

/** Of the keys that last, which no role has: one may end like ours. */
const LASTING = 'AKIA';

/** A user may have put credentials of their own into our places since, and those are not ours to remove. */
function refuseForeign({ path }: SinkConfig, keyIds: readonly string[], keyId: string | undefined): void {
  const isOurs = (id: string): boolean => displayKeyId(id) === keyId && keyId !== NOT_SHOWN && !id.startsWith(LASTING);
  if (keyIds.length > 0 && keyIds.every(isOurs)) return;
  const expected = keyId === undefined ? 'a key that we wrote' : `the key ${keyId} that we wrote last`;
  const message = `${path}: expected ${expected}, got ${keyIds.map(describeKey).join(' and ') || 'none'}`;
  const hint = 'remove it by hand, or with --force if it may go';
  throw new AgentError('SINK_NOT_OURS', message, { hint });
}

function describeKey(id: string): string {
  return `${id.startsWith(LASTING) ? 'a lasting key, ' : ''}${printable(displayKeyId(id))}`;
}
