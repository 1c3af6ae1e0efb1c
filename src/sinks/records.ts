import type { BigIntStats } from 'node:fs';
import type { SinkConfig } from '../core/config.ts';
import { digest } from '../core/digest.ts';
import { idOf } from '../core/sink-id.ts';
import type { ApplyRequest, SinkRecords } from './contract.ts';
import type { SinkRecord } from './record.ts';

/** When a sink's bytes last changed, but for another expiration of the same keys, and whether they were read since. */
export type Since = Pick<SinkRecord, 'renamedAt' | 'renamedAtBoot' | 'evidence'>;

/** What a sink's file was rendered from. */
export type Made = Pick<SinkRecord, 'key' | 'expiration' | 'former'>;

export function madeOf(wish: Pick<ApplyRequest, 'print' | 'origin'>, sink: SinkConfig): Made {
  return { key: keyOf(wish, sink), expiration: wish.print.expiration };
}

/** Changes with all that shapes a sink's file but the expiration: keys, what is known of them, the sink's options. */
function keyOf({ print, origin }: Pick<ApplyRequest, 'print' | 'origin'>, sink: SinkConfig): string {
  const shape = { ...sink, path: undefined, notify: undefined };
  const parts = [print.fingerprint, origin.role, origin.accountId, shape];
  return digest(JSON.stringify(parts));
}

/** Permission bits, those for set-id and sticky too. */
export function modeOf(stat: BigIntStats): number {
  return Number(stat.mode) & 0o7777;
}

export function recordOf({ key, expiration, former }: Made, stat: BigIntStats, since: Since): SinkRecord {
  return {
    key,
    expiration,
    inode: String(stat.ino),
    size: String(stat.size),
    ctimeNs: String(stat.ctimeNs),
    mode: modeOf(stat),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    renamedAt: since.renamedAt,
    renamedAtBoot: since.renamedAtBoot,
    ...(since.evidence && { evidence: since.evidence }),
    ...(former && { former }),
  };
}

/** Whether nobody has touched the file since the record was made. */
export function isUntouched(record: SinkRecord, stat: BigIntStats): boolean {
  const { inode, size, ctimeNs, mode, uid, gid } = recordOf(record, stat, record);
  return (
    record.inode === inode &&
    record.size === size &&
    record.ctimeNs === ctimeNs &&
    record.mode === mode &&
    record.uid === uid &&
    record.gid === gid
  );
}

/** What another identity is to know of its sinks alone. */
export function recordsFor(sinks: readonly SinkConfig[], records: SinkRecords): SinkRecords {
  return Object.fromEntries(sinks.map(idOf).flatMap((id) => (records[id] ? [[id, records[id]]] : [])));
}
