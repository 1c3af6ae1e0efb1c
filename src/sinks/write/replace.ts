import { fchmodSync, fchownSync, fstatSync, fsync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Exchanged, type FileSecurity, type TempHandle } from '../../core/contracts.ts';
import { AgentError, describeForeign, type ErrorInfo, toErrorInfo } from '../../core/errors.ts';
import { writeAll } from '../../files/own.ts';
import type { Directory } from '../../paths/held.ts';
import { attributeDrift } from '../place/compare.ts';
import type { BeforeWrite, SinkDeps, Staged } from '../contract.ts';
import { explain } from '../place/failure.ts';
import { Barrier } from './joint.ts';
import { whoAmI } from '../place/owner.ts';
import type { Replacement } from '../place/prepare.ts';
import { modeOf } from '../place/records.ts';
import { isSameFile, lookAt, whichStands } from '../place/existing.ts';

export interface Replaced {
  readonly change: Replacement;
  /** Unset: the new file stands under its name, or it is gone as it should. SINK_CONFLICT: somebody changed the old one after it was read. */
  readonly error?: ErrorInfo;
  /** Beyond those of the change. */
  readonly warnings: readonly string[];
}

/**
 * Replaces files together: all temp files are made, then journalled, then all are filled and synced, then each is
 * renamed and the directories are synced; what is to go goes with them. A file that fails on the way holds up no other;
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
  /** To be added to. */
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

  /** All that decides who may read the file, before the first byte. Gives warnings. */
  #protect(fd: number, change: Replacement): readonly string[] {
    const { file, ids, standing } = change;
    // With an ACL the group's bits would be its mask: the mode below would let its users in.
    this.#security.dropAcl(fd);
    const warnings = standing?.label ? this.#keepLabel(fd, standing.label) : [];
    const { uid, gid, mode } = fstatSync(fd);
    // Whoever may open it now has it open when it is filled, whatever is done about that in between.
    if (uid !== whoAmI().uid || (mode & 0o077) !== 0) refuseOther(fd, change);
    if (uid !== ids.uid || gid !== ids.gid) fchownSync(fd, ids.uid, ids.gid);
    // After the owner, who is not to have a mode that was meant for another.
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

/** Throws SINK_OWNER_DENIED where a file system gives its files other rights than were asked for. */
function refuseOther(fd: number, { file, ids }: Replacement): void {
  const stat = fstatSync(fd, { bigint: true });
  if (attributeDrift(stat, { file, ids }).length === 0) return;
  const expected = `mode ${file.isModeAny ? 'any' : file.mode.toString(8)}, owner ${ids.uid}:${ids.gid}`;
  const got = `mode ${modeOf(stat).toString(8)}, owner ${stat.uid}:${stat.gid}`;
  const message = `${file.path}: expected a file system that gives a file ${expected}, got ${got}`;
  const hint =
    'its mount options decide (findmnt -T): set them to what is wanted; mode: any takes all that keep others out';
  throw new AgentError('SINK_OWNER_DENIED', message, { hint });
}

/** By a member of a trusted group, or by the user whose directory it is: nobody else can. */
function exchanged(change: Replacement, { isReplaced, message }: Exchanged, security: FileSecurity): AgentError {
  const hint = 'find out who makes files beside it: a member of trusted_groups, or its own user';
  const expected = `${change.file.path}: expected the file as we wrote it, but ${message}`;
  if (!isReplaced || !change.bytes) return new AgentError('SINK_CONFLICT', expected, { hint });
  return new AgentError('SINK_UNVERIFIED', `${expected}: ${whichStands(change, change.bytes, security)}`, { hint });
}

/** Throws SINK_CONFLICT when it is not the file any more that was read. */
function refuseChanged({ standing, ...place }: Replacement): void {
  if (isSameFile(lookAt(place), standing?.stat)) return;
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
