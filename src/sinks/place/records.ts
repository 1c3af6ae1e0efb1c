import type { BigIntStats } from 'node:fs';
import type { SinkConfig } from '../../core/config.ts';
import { digest } from '../../core/digest.ts';
import type { SinkOutcome } from '../../core/outcomes.ts';
import { octal } from '../../core/printable.ts';
import { idOf } from '../../core/sink-id.ts';
import { nameOf } from '../../paths/accounts.ts';
import { accessTimesShow } from '../../paths/mounts.ts';
import type { ApplyRequest, Place, SinkRecords } from '../contract.ts';
import { whoAmI } from './owner.ts';
import type { Made, Since, SinkRecord } from '../record.ts';

/** The key changes with all that shapes a sink's file but the expiration: keys, what is known of them, the sink's options. */
export function madeOf({ version, origin }: Pick<ApplyRequest, 'version' | 'origin'>, sink: SinkConfig): Made {
  const shape = { ...sink, path: undefined, notify: undefined };
  const { role, accountId, region, instanceId } = origin;
  const parts = [version.fingerprint, role, accountId, region, instanceId, shape];
  return { key: digest(JSON.stringify(parts)), expiration: version.expiration };
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
    ...attributesOf(stat),
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

/** The records of these sinks: another identity learns of no others. */
export function recordsFor(sinks: readonly SinkConfig[], records: SinkRecords): SinkRecords {
  return Object.fromEntries(sinks.map(idOf).flatMap((id) => (records[id] ? [[id, records[id]]] : [])));
}

type Attributes = NonNullable<SinkRecord['former']>;

type OwnedFile = Pick<Place, 'file' | 'ids'>;

/**
 * The attributes that a file had before us, with a warning, while it loses some that nobody has configured: its reader
 * may be shut out.
 */
export function takenOver(
  records: SinkRecords,
  seen: BigIntStats | undefined,
  place: OwnedFile,
): { readonly former?: Attributes; readonly warnings: readonly string[] } {
  const known = place.file.sinks.flatMap((sink) => records[idOf(sink)] ?? []);
  // Without a record of any of its sinks the file was not ours until now.
  const former = known.length > 0 ? known.find((record) => record.former)?.former : seen && attributesOf(seen);
  const lost = former ? lostOf(former, place) : [];
  if (!former || lost.length === 0) return { warnings: [] };
  const change = `${describe(former)}, which it had before, becomes ${describe(wantedOf(place))}`;
  const hint = `configure ${lost.join(' and ')} to keep it, or another`;
  return { former, warnings: [`${change}, and its reader may lose access: ${hint}`] };
}

/** The lines of the configuration that would keep it. */
function lostOf({ uid, gid, mode }: Attributes, { file, ids }: OwnedFile): string[] {
  // Only root gives files away.
  const isRoot = whoAmI().uid === 0;
  const bits = mode & 0o777;
  return [
    ...(isRoot && file.owner === undefined && uid !== ids.uid ? [`owner: ${nameOf('passwd', uid)}`] : []),
    ...(isRoot && file.group === undefined && gid !== ids.gid ? [`group: ${nameOf('group', gid)}`] : []),
    ...(file.isUsualMode && bits !== file.mode ? [`mode: "${octal(bits)}"`] : []),
  ];
}

function attributesOf(stat: BigIntStats): Attributes {
  return { mode: modeOf(stat), uid: Number(stat.uid), gid: Number(stat.gid) };
}

function wantedOf({ file, ids }: OwnedFile): Attributes {
  return { mode: file.mode, uid: ids.uid, gid: ids.gid };
}

function describe({ mode, uid, gid }: Attributes): string {
  return `${nameOf('passwd', uid)}:${nameOf('group', gid)} ${octal(mode)}`;
}

export type Evidence = Pick<SinkOutcome, 'evidence'>;

/** Whether anybody has read a file since it was written; empty if its times are not those of a clock. */
export type Witness = (mountId: number, stat: BigIntStats | undefined) => Evidence;

/** The last time that a `Date` can hold; a user can set any times of a file. */
const LAST_MOMENT = 8_640_000_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** From the creation of a file to its last byte. An earlier access time shows that the clock was set back since. */
const WRITE_MS = 60_000;

/**
 * Under relatime, the default of Linux, the first read after a write moves the access time past the time of the write;
 * later ones leave it there for a day. Our own reads use O_NOATIME. Each mount is looked up once, and only when a file
 * seems unread.
 */
export function makeWitness(show = accessTimesShow): Witness {
  const known = new Map<number, boolean>();
  return (mountId, stat) => {
    if (!stat) return {};
    const { atimeNs, mtimeNs } = stat;
    const [writtenAt, readAt] = [moment(mtimeNs), moment(atimeNs)];
    if (writtenAt === undefined || readAt === undefined || readAt < writtenAt - WRITE_MS) return {};
    if (atimeNs > mtimeNs) return { evidence: { kind: 'read', writtenAt, readAt } };
    const shows = known.get(mountId) ?? show(mountId);
    known.set(mountId, shows);
    return { evidence: { kind: shows ? 'unread' : 'unknown', writtenAt } };
  };
}

function moment(ns: bigint): number | undefined {
  const ms = ns / NS_PER_MS;
  return ms >= 0n && ms <= LAST_MOMENT ? Number(ms) : undefined;
}
