import { fstatSync } from 'node:fs';
import { basename } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { Exchanged, type AtomicFiles, type TempHandle } from '../core/contracts.ts';
import { onErrno, errnoError } from '../core/errors.ts';
import { closeTemp, isNamed, madeAs } from './atomic-fs.ts';

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

async function replace(target: string, stage: (temp: TempHandle) => Promise<void>): Promise<void> {
  let temp: string | undefined;
  // The library keeps owner and mode in this object, and changes it: never share it between calls.
  const options: HookOptions = {
    // Nobody may open the temp file before its owner is right, or they would read it when it is filled.
    mode: 0o600,
    chown: { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 },
    // It would sync before the hook's bytes were checked, and it ignores short writes of its own.
    fsync: false,
    tmpfileCreated: async (tempPath) => {
      temp = tempPath;
      // It would apply these after the hook, by path, over what the hook has set.
      options.mode = undefined;
      options.chown = undefined;
      const { fd, path } = madeAs(tempPath);
      makeSureItIsNew(fd);
      await stage({ fd, name: basename(path) });
      if (!isWhatWasMade(fd, path)) throw new Exchanged(false);
    },
  };
  try {
    await writeFileAtomic(target, NO_DATA, options);
    // There is no rename by descriptor: members of a trusted group could still put their own file in its place.
    if (temp !== undefined && !isWhatWasMade(madeAs(temp).fd, target)) throw new Exchanged(true);
  } finally {
    if (temp !== undefined) closeTemp(temp);
  }
}

/** Nothing that was planted, whatever a file system made of O_EXCL. */
function makeSureItIsNew(fd: number): void {
  const stat = fstatSync(fd);
  if (stat.isFile() && stat.nlink === 1 && stat.size === 0) return;
  throw errnoError('EEXIST', 'open');
}

function isWhatWasMade(fd: number, path: string): boolean {
  return onErrno(['ENOENT'], false, () => fstatSync(fd).nlink === 1 && isNamed(fd, path));
}

/**
 * While it writes, the library listens to SIGXFSZ among others, and ends the process when nobody else does: with this,
 * a write past the file size limit is an error (EFBIG), as it is without the library.
 */
function outliveFileSizeLimit(): void {
  if (process.listenerCount('SIGXFSZ') === 0) process.on('SIGXFSZ', () => undefined);
}
