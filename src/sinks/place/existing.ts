import type { BigIntStats } from 'node:fs';
import type { FileSecurity } from '../../core/contracts.ts';
import { AgentError } from '../../core/errors.ts';
import { readFile, refuseSpecial, type ReadFile } from '../../files/read.ts';
import type { Directory } from '../../paths/held.ts';

/** A file as it stood when it was read. */
export interface Standing extends ReadFile {
  readonly hasAcl: boolean;
  readonly label: Buffer | undefined;
}

/** A name in a directory that is held. */
export interface Spot {
  readonly directory: Directory;
  readonly name: string;
}

const CODES = { notRegular: 'SINK_NOT_REGULAR', tooLarge: 'SINK_TOO_LARGE' } as const;

/** Undefined when nothing is there. Throws SINK_NOT_REGULAR, MountedOver and errno errors. */
export function lookAt({ directory, name }: Spot): BigIntStats | undefined {
  using held = directory.find(name);
  if (!held) return undefined;
  const stat = held.stat();
  refuseSpecial(held.path, stat, CODES.notRegular);
  return stat;
}

/** The whole file, undefined when it went away. Throws as above, and SINK_TOO_LARGE. */
export function readStanding({ directory, name }: Spot, security: FileSecurity): Standing | undefined {
  using held = directory.find(name);
  if (!held) return undefined;
  let rights: Pick<Standing, 'hasAcl' | 'label'> = { hasAcl: false, label: undefined };
  const read = readFile(held, CODES, (fd) => {
    rights = { hasAcl: security.hasAcl(fd), label: security.label(fd) };
  });
  return { ...read, ...rights };
}

/** Which of both a reader finds there, for the end of a message. */
export function whichStands(spot: Spot, bytes: Buffer, security: FileSecurity): string {
  try {
    const isNew = readStanding(spot, security)?.bytes.equals(bytes) === true;
    return `the new credentials are ${isNew ? '' : 'not '}in it`;
  } catch {
    return 'whether the new credentials are in it cannot be read';
  }
}

/** Whether nobody has touched a file since: another inode, size or time would show. */
export function isSameFile(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  if (!one || !other) return one === other;
  const { dev, ino, size, mtimeNs, ctimeNs } = other;
  return one.dev === dev && one.ino === ino && one.size === size && one.mtimeNs === mtimeNs && one.ctimeNs === ctimeNs;
}

/** So long a tool that writes in place may take from emptying a file to filling it; milliseconds. */
const FILLING = 100;

/** Throws SINK_CONFLICT: what is read there now is nobody's wish, and what would be put over it would be lost. */
export function refuseJustEmptied(path: string, { size, mtimeMs }: BigIntStats, now: number): void {
  const age = now - Number(mtimeMs);
  if (size > 0n || age < 0 || age >= FILLING) return;
  const hint = 'another program keeps writing it: let only one do so';
  throw new AgentError('SINK_CONFLICT', `${path}: expected a file that stands, got one just emptied`, { hint });
}
