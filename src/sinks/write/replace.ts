import { fchmodSync, fchownSync, fstatSync, fsync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Exchanged, type FileSecurity, type TempHandle } from '../../core/contracts.ts';
import { AgentError, describeForeign, type ErrorInfo, toErrorInfo } from '../../core/errors.ts';
import { writeAll } from '../../files/own.ts';
import type { Directory } from '../../paths/held.ts';
import type { BeforeWrite, Replacement, SinkDeps, Staged } from '../contract.ts';
import { attributeDrift } from '../place/compare.ts';
import { isSameFile, lookAt, whichIsThere } from '../place/existing.ts';
import { explain } from '../place/failure.ts';
import { Barrier } from './joint.ts';
import { whoAmI } from '../place/owner.ts';
import { modeOf } from '../place/records.ts';

export interface Replaced {
  readonly change: Replacement;
  /**
   * Unset: the new file is in place, or the file is removed as it should be. SINK_CONFLICT: somebody changed it after
   * we read it.
   */
  readonly error?: ErrorInfo;
  /** In addition to those of the change. */
  readonly warnings: readonly string[];
}

/**
 * Replaces files together: all temp files are made, then journalled, then all are filled and synced, then each is
 * renamed and the directories are synced; files without new bytes are removed. A failure delays no other file. Returns
 * one result per change, in their order. Takes one file descriptor per change.
 */
export async function replaceTogether(
  { files, security }: Pick<SinkDeps, 'files' | 'security'>,
  changes: readonly Replacement[],
  beforeWrite: BeforeWrite,
): Promise<readonly Replaced[]> {
  const batch = new Batch(changes, security, beforeWrite);
  const replace = async (change: Replacement): Promise<Replaced> => {
    const { file, bytes, directory, name } = change;
    const warnings: string[] = [];
    try {
      if (bytes) await files.replace(directory.at(name), (temp) => batch.stage(change, { ...temp, bytes, warnings }));
      else {
        refuseChanged(change);
        directory.unlink(name);
      }
      return { change, warnings };
    } catch (error) {
      const known = error instanceof Exchanged ? exchanged(change, error, security) : error;
      return { change, warnings, error: toErrorInfo(explain(known, 'SINK_WRITE_FAILED', file.path)) };
    } finally {
      batch.leave(change);
    }
  };
  return await syncRenamed(await Promise.all(changes.map(replace)));
}

interface Staging extends TempHandle {
  readonly bytes: Buffer;
  readonly warnings: string[];
}

class Batch {
  readonly #opened: Barrier<Replacement>;
  readonly #staged: Barrier<Replacement>;
  readonly #made = new Map<Replacement, Staged>();
  readonly #security: SinkDeps['security'];

  constructor(changes: readonly Replacement[], security: SinkDeps['security'], beforeWrite: BeforeWrite) {
    this.#security = security;
    this.#opened = new Barrier(changes, async () => {
      const made = changes.flatMap((change) => this.#made.get(change) ?? []);
      if (made.length > 0) await beforeWrite(made);
    });
    this.#staged = new Barrier(changes);
  }

  /** Between the making of the temp file and its rename. */
  async stage(change: Replacement, { fd, name, bytes, warnings }: Staging): Promise<void> {
    const temp = { path: join(change.directory.path, name), inode: String(fstatSync(fd, { bigint: true }).ino) };
    const changing = change.parts.filter(({ outcome }) => outcome.bytesChanged).map(({ sink }) => sink);
    this.#made.set(change, { file: change.file, temp, changing });
    await this.#opened.arrive(change);
    warnings.push(...this.#protect(fd, change));
    writeAll(fd, bytes);
    await promisify(fsync)(fd);
    await this.#staged.arrive(change);
    refuseChanged(change);
  }

  leave(change: Replacement): void {
    this.#opened.leave(change);
    this.#staged.leave(change);
  }

  /** Sets everything that decides who may read the file, before the first byte. Returns warnings. */
  #protect(fd: number, change: Replacement): readonly string[] {
    const { file, ids, existing } = change;
    // With an ACL the group's bits would be its mask: the mode below would let its users in.
    this.#security.dropAcl(fd);
    const warnings = existing?.label ? this.#keepLabel(fd, existing.label) : [];
    const { uid, gid, mode } = fstatSync(fd);
    // A user who may open it now could keep it open until it is filled.
    if (uid !== whoAmI().uid || (mode & 0o077) !== 0) refuseOther(fd, change);
    if (uid !== ids.uid || gid !== ids.gid) fchownSync(fd, ids.uid, ids.gid);
    // After the owner: another owner must not get the mode of this one.
    if (attributeDrift(fstatSync(fd, { bigint: true }), change).includes('mode')) fchmodSync(fd, file.mode);
    refuseOther(fd, change);
    return warnings;
  }

  #keepLabel(fd: number, label: Buffer): readonly string[] {
    try {
      if (this.#security.label(fd)?.equals(label) !== true) this.#security.setLabel(fd, label);
      return [];
    } catch {
      return ['the SELinux label could not be kept: restorecon sets it'];
    }
  }
}

/** Throws SINK_OWNER_DENIED if the file system gives a file other rights than we have set. */
function refuseOther(fd: number, { file, ids }: Replacement): void {
  const stat = fstatSync(fd, { bigint: true });
  if (attributeDrift(stat, { file, ids }).length === 0) return;
  const expected = `mode ${file.isModeAny ? 'any' : file.mode.toString(8)}, owner ${ids.uid}:${ids.gid}`;
  const got = `mode ${modeOf(stat).toString(8)}, owner ${stat.uid}:${stat.gid}`;
  const message = `${file.path}: expected a file system that gives a file ${expected}, got ${got}`;
  const hint =
    'its mount options decide (findmnt -T): change them; or mode: any accepts every mode that keeps others out';
  throw new AgentError('SINK_OWNER_DENIED', message, { hint });
}

/** Only a member of a trusted group, or the user whose directory it is, can exchange the file. */
function exchanged(change: Replacement, { isReplaced, message }: Exchanged, security: FileSecurity): AgentError {
  const hint = 'find out who makes files beside it: a member of trusted_groups, or its own user';
  const expected = `${change.file.path}: expected the file as we wrote it, but ${message}`;
  if (!isReplaced || !change.bytes) return new AgentError('SINK_CONFLICT', expected, { hint });
  return new AgentError('SINK_UNVERIFIED', `${expected}: ${whichIsThere(change, change.bytes, security)}`, { hint });
}

/** Throws SINK_CONFLICT if the file is no longer the one that was read. */
function refuseChanged({ existing, ...place }: Replacement): void {
  if (isSameFile(lookAt(place), existing?.stat)) return;
  const hint = 'another program keeps writing it: let only one do so';
  const message = `${place.file.path}: expected the file as it was read, got one that changed meanwhile`;
  throw new AgentError('SINK_CONFLICT', message, { hint });
}

async function syncRenamed(results: readonly Replaced[]): Promise<readonly Replaced[]> {
  const trouble = new Map<Directory, string>();
  const renamed = results.filter(({ error }) => error === undefined);
  for (const directory of new Set(renamed.map(({ change }) => change.directory))) {
    await directory.sync().catch((error: unknown) => {
      const got = describeForeign(error);
      trouble.set(directory, `${directory.path}: not synced (${got}): a power cut may bring back the old file`);
    });
  }
  return results.map((result) => {
    const warning = trouble.get(result.change.directory);
    return result.error || warning === undefined ? result : { ...result, warnings: [...result.warnings, warning] };
  });
}
