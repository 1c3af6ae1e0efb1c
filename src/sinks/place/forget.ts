import type { SinkConfig } from '../../core/config.ts';
import { displayKeyId, NOT_SHOWN } from '../../core/credentials.ts';
import type { ErrorInfo } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';
import { warningsOf } from './compare.ts';
import type { ForgetRequest, SinkDeps, SinkFile } from '../contract.ts';
import { failed, outcome } from './failure.ts';
import type { Part, Prepare, Prepared } from './prepare.ts';
import { refuseUnwritable, type Where } from './places.ts';
import { modeOf } from './records.ts';
import { lookAt, readStanding } from './existing.ts';

type Wish = Pick<ForgetRequest, 'keyId' | 'force'>;

/** Finds what would be left of a file without what is ours in it. */
export function forgetting(deps: SinkDeps, wish: Wish): Prepare {
  return (places, file) => inspect(deps, wish, file, places.spotOf(file.path));
}

function inspect(deps: SinkDeps, wish: Wish, file: SinkFile, spot: Where): Prepared {
  const seen = spot.missing.length === 0 && lookAt(spot);
  const standing = seen ? readStanding(spot, deps.security) : undefined;
  if (!standing) return { settled: file.sinks.map((sink) => ({ sink, outcome: outcome(sink, 'unchanged') })) };
  const known = warningsOf({ warnings: [] }, standing);
  let bytes: Buffer | undefined = standing.bytes;
  const parts = file.sinks.map((sink): Part => {
    const before = bytes;
    if (!before) return leave(sink);
    const forgotten = deps.forget(before, sink);
    if (!forgotten.ok) return leave(sink, forgotten.error);
    if (forgotten.bytes === before) return leave(sink);
    const foreign = wish.force ? undefined : refuseForeign(sink, forgotten.keyIds, wish.keyId);
    if (foreign) return leave(sink, foreign);
    bytes = forgotten.bytes;
    const warnings = [...forgotten.warnings, ...known];
    const reported = { ...outcome(sink, bytes ? 'forgotten' : 'removed'), bytesChanged: true, warnings };
    return { sink, outcome: reported, shown: { current: before, next: bytes ?? Buffer.alloc(0) } };
  });
  const settled = parts.filter(({ isSettled }) => isSettled);
  if (settled.length === parts.length) return { settled };
  // The group's bits of a file with an ACL are the ACL's mask, which would let the group in once the ACL is gone.
  const mode = standing.hasAcl ? file.mode : modeOf(standing.stat);
  const ids = { uid: Number(standing.stat.uid), gid: Number(standing.stat.gid) };
  refuseUnwritable(spot);
  return { change: { ...spot, file: { ...file, mode }, ids, warnings: [], standing, bytes, parts } };
}

function leave(sink: SinkConfig, error?: ErrorInfo): Part {
  return { sink, outcome: error ? failed(sink, error) : outcome(sink, 'unchanged'), isSettled: true };
}

/** Of the keys that last, which no role has: one may end like ours. */
const LASTING = 'AKIA';

/** A user may have put credentials of their own into our places since, and those are not ours to remove. */
function refuseForeign(
  { path }: SinkConfig,
  keyIds: readonly string[],
  keyId: string | undefined,
): ErrorInfo | undefined {
  const isOurs = (id: string): boolean => displayKeyId(id) === keyId && keyId !== NOT_SHOWN && !id.startsWith(LASTING);
  if (keyIds.length > 0 && keyIds.every(isOurs)) return undefined;
  const expected = keyId === undefined ? 'a key that we wrote' : `the key ${keyId} that we wrote last`;
  const message = `${path}: expected ${expected}, got ${keyIds.map(describeKey).join(' and ') || 'none'}`;
  const hint = 'remove it by hand, or with --force if it may go';
  return { code: 'SINK_NOT_OURS', message, hint };
}

function describeKey(id: string): string {
  return `${id.startsWith(LASTING) ? 'a lasting key, ' : ''}${printable(displayKeyId(id))}`;
}
