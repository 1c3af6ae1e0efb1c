import type { BigIntStats } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { FileSecurity } from '../../core/contracts.ts';
import { AgentError } from '../../core/errors.ts';
import { readFile, refuseSpecial } from '../../files/read.ts';
import { openDirectory } from '../../paths/policies.ts';
import type { ExistingFile, Spot } from '../contract.ts';
import { whoAmI } from './owner.ts';

const CODES = { notRegular: 'SINK_NOT_REGULAR', tooLarge: 'SINK_TOO_LARGE' } as const;

/** Undefined when there is no file. Throws SINK_NOT_REGULAR, MountedOver and errno errors. */
export function lookAt({ directory, name }: Spot): BigIntStats | undefined {
  using held = directory.find(name);
  if (!held) return undefined;
  const stat = held.stat();
  refuseSpecial(held.path, stat, CODES.notRegular);
  return stat;
}

/** The whole file; undefined when it is gone. Throws as above, and SINK_TOO_LARGE. */
export function readExisting({ directory, name }: Spot, security: FileSecurity): ExistingFile | undefined {
  using held = directory.find(name);
  if (!held) return undefined;
  let rights: Pick<ExistingFile, 'hasAcl' | 'label'> = { hasAcl: false, label: undefined };
  const read = readFile(held, CODES, (fd) => {
    rights = { hasAcl: security.hasAcl(fd), label: security.label(fd) };
  });
  return { ...read, ...rights };
}

/**
 * Whether a file that was there at `since`, epoch milliseconds, was deleted, where nobody but this identity decides
 * what is there. A directory that has not changed since then, or that is younger, is another one: what was mounted
 * there is not any more, or something else is. Never waits; throws nothing.
 */
export function wasDeleted(path: string, since: number): boolean {
  using found = openDirectory('sink', dirname(path), { uid: whoAmI().uid, groups: [], mayWait: false });
  if (found.kind !== 'directory') return false;
  try {
    // A former mount can be gone with its directory.
    if (found.missing.length > 0) return false;
    using file = found.held.find(basename(path));
    const { ctimeMs, birthtimeMs } = found.held.stat();
    // 0 where the file system keeps no such time.
    return !file && Number(ctimeMs) > since && birthtimeMs > 0n && Number(birthtimeMs) <= since;
  } catch {
    return false;
  }
}

/** Whether readers find the new credentials in a file, for the end of a message. */
export function whichIsThere(spot: Spot, bytes: Buffer, security: FileSecurity): string {
  try {
    const isNew = readExisting(spot, security)?.bytes.equals(bytes) === true;
    return `the new credentials are ${isNew ? '' : 'not '}in it`;
  } catch {
    return 'whether the new credentials are in it cannot be read';
  }
}

/** Whether nobody has touched a file between two looks: another inode, size or time would show. */
export function isSameFile(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  if (!one || !other) return one === other;
  const { dev, ino, size, mtimeNs, ctimeNs } = other;
  return one.dev === dev && one.ino === ino && one.size === size && one.mtimeNs === mtimeNs && one.ctimeNs === ctimeNs;
}

/** A tool that writes in place may take as long from emptying a file to filling it. */
const FILL_MS = 100;

/** Throws SINK_CONFLICT: a file that another tool is about to fill would be lost. */
export function refuseJustEmptied(path: string, { size, mtimeMs }: BigIntStats, now: number): void {
  const age = now - Number(mtimeMs);
  if (size > 0n || age < 0 || age >= FILL_MS) return;
  const hint = 'another program keeps writing it: let only one do so';
  throw new AgentError('SINK_CONFLICT', `${path}: expected a file with content, got one that was just emptied`, {
    hint,
  });
}
