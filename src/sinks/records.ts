import type { BigIntStats } from 'node:fs';
import type { SinkConfig } from '../core/config.ts';
import { digest } from '../core/digest.ts';
import type { ApplyRequest, SinkRecord } from './contract.ts';

/** When a sink's bytes last changed. */
export type Since = Pick<SinkRecord, 'renamedAt' | 'renamedAtBoot'>;

/** Changes with all that shapes a sink's file: credentials, what is known of them, and the sink's options. */
export function keyOf({ print, origin }: Pick<ApplyRequest, 'print' | 'origin'>, sink: SinkConfig): string {
  const shape = { ...sink, path: undefined, notify: undefined };
  const parts = [print.fingerprint, print.lastUpdated, origin.role, origin.accountId, shape];
  return digest(JSON.stringify(parts));
}

/** Permission bits, those for set-id and sticky too. */
export function modeOf(stat: BigIntStats): number {
  return Number(stat.mode) & 0o7777;
}

export function recordOf(key: string, stat: BigIntStats, since: Since): SinkRecord {
  return {
    key,
    inode: String(stat.ino),
    size: String(stat.size),
    ctimeNs: String(stat.ctimeNs),
    mode: modeOf(stat),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    renamedAt: since.renamedAt,
    renamedAtBoot: since.renamedAtBoot,
  };
}

/** Whether nobody has touched the file since the record was made. */
export function isUntouched(record: SinkRecord, stat: BigIntStats): boolean {
  const { inode, size, ctimeNs, mode, uid, gid } = recordOf(record.key, stat, record);
  return (
    record.inode === inode &&
    record.size === size &&
    record.ctimeNs === ctimeNs &&
    record.mode === mode &&
    record.uid === uid &&
    record.gid === gid
  );
}
