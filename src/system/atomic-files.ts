import { chmodSync, lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { AtomicFiles } from '../core/contracts.ts';

/** Replaces files by write-file-atomic, which is trusted with opening the temp file, the rename and the clean-up alone. */
export function createAtomicFiles(): AtomicFiles {
  outliveFileSizeLimit();
  return { replace };
}

/** Its types do not know that null means: write nothing. */
const NO_DATA = null as unknown as Buffer;

interface HookOptions extends Omit<writeFileAtomic.Options, 'tmpfileCreated'> {
  tmpfileCreated: (tempPath: string) => Promise<void>;
}

async function replace(path: string, stage: (tempPath: string) => Promise<void>): Promise<void> {
  const target = join(realpathSync.native(dirname(path)), basename(path));
  // The library keeps owner and mode in this object, and changes it: never share it between calls.
  const options: HookOptions = {
    // Nobody may open the temp file before its owner is right, or they would read it when it is filled.
    mode: 0o600,
    chown: { uid: effectiveUid(), gid: process.getegid?.() ?? 0 },
    // It would sync before the hook's bytes were checked, and it ignores short writes of its own.
    fsync: false,
    tmpfileCreated: async (tempPath) => {
      // It would apply these after the hook, by path, over what the hook has set.
      options.mode = undefined;
      options.chown = undefined;
      makeSureItIsNew(target, tempPath);
      await stage(tempPath);
    },
  };
  await writeFileAtomic(target, NO_DATA, options);
}

/**
 * The library's temp name can be guessed and is opened without O_EXCL, and a symlinked target is followed: what it
 * opened may be a planted link, somebody's file or a leftover with other readers.
 */
function makeSureItIsNew(target: string, tempPath: string): void {
  const stat = lstatSync(tempPath);
  const isBeside = tempPath.startsWith(target) && /^\.\d+$/.test(tempPath.slice(target.length));
  const isFresh = stat.isFile() && stat.nlink === 1 && stat.size === 0 && (stat.mode & 0o077) === 0;
  if (!isBeside || !isFresh || stat.uid !== effectiveUid()) {
    throw Object.assign(new Error('the temp file is not a new one'), { code: 'EEXIST', syscall: 'open' });
  }
  // An odd umask must not keep an ordinary user from opening it again.
  if ((stat.mode & 0o600) !== 0o600) chmodSync(tempPath, 0o600);
}

/**
 * While it writes, the library listens to SIGXFSZ among others, and ends the process when nobody else does: with this,
 * a write past the file size limit is an error (EFBIG), as it is without the library.
 */
function outliveFileSizeLimit(): void {
  if (process.listenerCount('SIGXFSZ') === 0) process.on('SIGXFSZ', () => undefined);
}

function effectiveUid(): number {
  return process.geteuid?.() ?? 0;
}
