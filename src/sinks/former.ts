import type { BigIntStats } from 'node:fs';
import { idOf } from '../core/sink-id.ts';
import { nameOf } from '../paths/names.ts';
import type { SinkRecords } from './contract.ts';
import type { SinkRecord } from './record.ts';
import { whoAmI } from './owner.ts';
import type { Place } from './place.ts';
import { modeOf } from './records.ts';

/** Owner, group and mode of a file, by numbers. */
type Attributes = NonNullable<SinkRecord['former']>;

type Wanted = Pick<Place, 'file' | 'ids'>;

/**
 * What a file had before us, with a warning, as long as it loses that and nothing is configured that says so: its
 * reader may be shut out.
 */
export function takenOver(
  records: SinkRecords,
  seen: BigIntStats | undefined,
  place: Wanted,
): { readonly former?: Attributes; readonly warnings: readonly string[] } {
  const known = place.file.sinks.flatMap((sink) => records[idOf(sink)] ?? []);
  // Without a record of any of its sinks it was another's until now.
  const former = known.length > 0 ? known.find((record) => record.former)?.former : seen && attributesOf(seen);
  const lost = former ? lostOf(former, place) : [];
  if (!former || lost.length === 0) return { warnings: [] };
  const change = `${describe(former)}, which it had before, becomes ${describe(wantedOf(place))}`;
  const hint = `configure ${lost.join(' and ')} to keep it, or what it is to be`;
  return { former, warnings: [`${change}, and may shut out who reads it: ${hint}`] };
}

/** The lines of the configuration that would keep it. */
function lostOf({ uid, gid, mode }: Attributes, { file, ids }: Wanted): string[] {
  // Nobody else gives files away.
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

function wantedOf({ file, ids }: Wanted): Attributes {
  return { mode: file.mode, uid: ids.uid, gid: ids.gid };
}

function describe({ mode, uid, gid }: Attributes): string {
  return `${nameOf('passwd', uid)}:${nameOf('group', gid)} ${octal(mode)}`;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
