import { fchmodSync, fchownSync, fstatSync, fsync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SinkConfig } from '../core/config.ts';
import { Exchanged, type TempHandle } from '../core/contracts.ts';
import { AgentError, describeForeign, toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import { writeAll } from '../files/write.ts';
import type { Directory } from '../paths/held.ts';
import { Barrier } from './barrier.ts';
import type { Replacement } from './compare.ts';
import type { SinkDeps } from './place.ts';
import type { TempFile } from './contract.ts';
import { explain } from './failure.ts';
import { isSameFile, lookAt } from './standing.ts';

/** A sink whose temp file is there, still empty. */
export interface Staged {
  readonly sink: SinkConfig;
  readonly temp: TempFile;
  readonly bytesChanged: boolean;
}

/** Called for each batch before its first byte. When it rejects, nothing of the batch is written. */
export type BeforeWrite = (staged: readonly Staged[]) => Promise<void>;

export interface Replaced<Change extends Replacement> {
  readonly change: Change;
  /** Unset: the new file stands under the sink's name. SINK_CONFLICT: somebody changed the old one after it was read. */
  readonly error?: ErrorInfo;
  /** Beyond those of the change. */
  readonly warnings: readonly string[];
}

/**
 * Replaces files together: all temp files are made, then journalled, then all are filled and synced, then each is
 * renamed and the directories are synced. A file that fails on the way holds up no other; one result per change, in
 * their order. Takes one file descriptor per change.
 */
export async function replaceTogether<Change extends Replacement>(
  { files, security }: Pick<SinkDeps, 'files' | 'security'>,
  changes: readonly Change[],
  beforeWrite: BeforeWrite,
): Promise<readonly Replaced<Change>[]> {
  const batch = new Batch(changes, security, beforeWrite);
  const replace = async (change: Change): Promise<Replaced<Change>> => {
    const warnings: string[] = [];
    try {
      await files.replace(change.directory.at(change.name), (temp) => batch.stage(change, temp, warnings));
      return { change, warnings };
    } catch (error) {
      const known = error instanceof Exchanged ? exchanged(change.sink, error) : error;
      return { change, warnings, error: toErrorInfo(explain(known, 'SINK_WRITE_FAILED', change.sink.path)) };
    } finally {
      batch.leave(change);
    }
  };
  return await syncRenamed(await Promise.all(changes.map(replace)));
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
  async stage(change: Replacement, { fd, name }: TempHandle, warnings: string[]): Promise<void> {
    const temp = { path: join(change.directory.path, name), inode: String(fstatSync(fd, { bigint: true }).ino) };
    this.#made.set(change, { sink: change.sink, temp, bytesChanged: change.outcome.bytesChanged });
    await this.#opened.arrive(change);
    warnings.push(...this.#protect(fd, change));
    writeAll(fd, change.bytes);
    await promisify(fsync)(fd);
    await this.#staged.arrive(change);
    refuseChanged(change);
  }

  leave(change: Replacement): void {
    this.#opened.leave(change);
    this.#staged.leave(change);
  }

  /** All that decides who may read the file, before the first byte. Gives warnings. */
  #protect(fd: number, { sink, ids, standing }: Replacement): readonly string[] {
    // With an ACL the group's bits would be its mask: the mode below would let its users in.
    this.#security.dropAcl(fd);
    const warnings = standing?.label ? this.#keepLabel(fd, standing.label) : [];
    const { uid, gid } = fstatSync(fd);
    if (uid !== ids.uid || gid !== ids.gid) fchownSync(fd, ids.uid, ids.gid);
    // After the owner, who is not to have a mode that was meant for another.
    if ((fstatSync(fd).mode & 0o7777) !== sink.mode) fchmodSync(fd, sink.mode);
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

/** By a member of a trusted group, or by the user whose directory it is: nobody else can. */
function exchanged({ path }: SinkConfig, { isReplaced, message }: Exchanged): AgentError {
  const hint = 'find out who makes files beside it: a member of trusted_groups, or its own user';
  const code = isReplaced ? 'SINK_UNVERIFIED' : 'SINK_CONFLICT';
  return new AgentError(code, `${path}: expected the file as we wrote it, but ${message}`, { hint });
}

/** Throws SINK_CONFLICT when it is not the file any more that was read. */
export function refuseChanged({ standing, ...place }: Omit<Replacement, 'bytes'>): void {
  if (isSameFile(lookAt(place), standing?.stat)) return;
  const hint = 'another program keeps writing it: let only one do so';
  const message = `${place.sink.path}: expected the file as it was read, got one that changed meanwhile`;
  throw new AgentError('SINK_CONFLICT', message, { hint });
}

async function syncRenamed<Change extends Replacement>(
  results: readonly Replaced<Change>[],
): Promise<readonly Replaced<Change>[]> {
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
