import type { SinkConfig } from '../../core/config.ts';
import { displayKeyId, NOT_SHOWN } from '../../core/credentials.ts';
import type { ErrorInfo } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';
import { idOf } from '../../core/sink-id.ts';
import { warningsOf } from './compare.ts';
import type { ForgetRequest, Part, Prepared, SinkDeps, SinkFile } from '../contract.ts';
import { failed, outcome } from './failure.ts';
import { readExisting } from './existing.ts';
import { type Prepare, replacing } from './prepare.ts';
import type { Where } from './places.ts';
import { isUntouched, modeOf } from './records.ts';

type ForgetRules = Pick<ForgetRequest, 'keyId' | 'force' | 'records'>;

export function forgetting(deps: SinkDeps, options: ForgetRules): Prepare {
  return (places, file) => inspect(deps, options, file, places.spotOf(file.path));
}

function inspect(deps: SinkDeps, options: ForgetRules, file: SinkFile, spot: Where): Prepared {
  const existing = spot.missing.length === 0 ? readExisting(spot, deps.security) : undefined;
  if (!existing) return { finished: file.sinks.map((sink) => ({ sink, outcome: outcome(sink, 'unchanged') })) };
  const warnings = warningsOf({ warnings: [] }, existing);
  let bytes: Buffer | undefined = existing.bytes;
  const parts = file.sinks.map((sink): Part => {
    const before = bytes;
    if (!before) return leave(sink);
    const forgotten = deps.forget(before, sink);
    if (!forgotten.ok) return leave(sink, forgotten.error);
    if (forgotten.bytes === before) return leave(sink);
    const record = options.records?.[idOf(sink)];
    const isOurs = options.force || (record && isUntouched(record, existing.stat));
    const foreign = isOurs ? undefined : refuseForeign(sink, forgotten.keyIds, options.keyId);
    if (foreign) return leave(sink, foreign);
    bytes = forgotten.bytes;
    const changed = { bytesChanged: true, warnings: [...forgotten.warnings, ...warnings] };
    const shown = { current: before, next: bytes ?? Buffer.alloc(0) };
    return { sink, outcome: { ...outcome(sink, bytes ? 'forgotten' : 'removed'), ...changed }, shown };
  });
  // With an ACL, the group's bits are the ACL's mask: they would let the group in once the ACL is gone.
  const mode = existing.hasAcl ? file.mode : modeOf(existing.stat);
  const ids = { uid: Number(existing.stat.uid), gid: Number(existing.stat.gid) };
  return replacing({ ...spot, file: { ...file, mode }, ids, warnings: [], existing, bytes, parts });
}

function leave(sink: SinkConfig, error?: ErrorInfo): Part {
  return { sink, outcome: error ? failed(sink, error) : outcome(sink, 'unchanged'), isFinished: true };
}

/** Begins long-term keys, which no role has: they may end like one of ours. */
const LONG_TERM = 'AKIA';

/** A user may have put their own credentials into our places since: these are not ours to remove. */
function refuseForeign(
  { path }: SinkConfig,
  keyIds: readonly string[],
  keyId: string | undefined,
): ErrorInfo | undefined {
  const isOurs = (id: string): boolean =>
    displayKeyId(id) === keyId && keyId !== NOT_SHOWN && !id.startsWith(LONG_TERM);
  if (keyIds.length > 0 && keyIds.every(isOurs)) return undefined;
  const expected = keyId === undefined ? 'a key that we wrote' : `the key ${keyId} that we wrote last`;
  const message = `${path}: expected ${expected}, got ${keyIds.map(describeKey).join(' and ') || 'none'}`;
  const hint = 'remove it by hand, or with --force if it may go';
  return { code: 'SINK_NOT_OURS', message, hint };
}

function describeKey(id: string): string {
  return `${id.startsWith(LONG_TERM) ? 'a long-term key, ' : ''}${printable(displayKeyId(id))}`;
}
