/**
 * Replaces node:fs in write-file-atomic (scripts/lean.ts), with all that it calls here. Left to itself it resolves
 * the path again, opens temp files without O_EXCL, and removes by name what it did not make.
 */
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Held, O_PATH } from '../paths/held.ts';
import { mountIdOf } from '../paths/mounts.ts';

type Done<Result extends readonly unknown[] = []> = (error: Error | null, ...result: Result) => void;

interface Temp {
  readonly fd: number;
  readonly path: string;
  /** Whether the path is still that of the temp file. */
  isThere: boolean;
}

/** By the paths that the library has for them: without the dot before the name. */
const temps = new Map<string, Temp>();

const EXCLUSIVELY = fs.constants.O_WRONLY | fs.constants.O_CREAT | fs.constants.O_EXCL | fs.constants.O_NOFOLLOW;

/** The descriptor under which a temp file was made: there is no second open, which could be of another file. */
export function madeAs(temp: string): Pick<Temp, 'fd' | 'path'> {
  const found = temps.get(temp);
  if (!found) throw new Error('write-file-atomic has made no such temp file: it must run with system/atomic-fs.ts');
  return found;
}

/** As long as it is open its number is nobody else's, so it stays open until what has come of it was looked at. */
export function closeTemp(temp: string): void {
  const found = temps.get(temp);
  temps.delete(temp);
  if (found) fs.closeSync(found.fd);
}

/** Whether a name is that of an open file. A file system mounted over it is not asked: it may never answer. */
export function isNamed(fd: number, path: string): boolean {
  using found = new Held(fs.openSync(path, O_PATH | fs.constants.O_NOFOLLOW), path);
  if (found.mountId !== mountIdOf(fd)) return false;
  const { dev, ino } = fs.fstatSync(fd, { bigint: true });
  const stat = found.stat();
  return stat.dev === dev && stat.ino === ino;
}

/** A path below a descriptor must stay one. */
export function realpath(path: string, done: Done<[string]>): void {
  done(null, path);
}

export function open(path: string, _flags: string, mode: number, done: Done<[number?]>): void {
  try {
    const hidden = join(dirname(path), `.${basename(path)}`);
    const fd = fs.openSync(hidden, EXCLUSIVELY, mode);
    temps.set(path, { fd, path: hidden, isThere: true });
    done(null, fd);
  } catch (error) {
    done(error as Error);
  }
}

/** It is closed by closeTemp. */
export function close(_fd: number, done: Done): void {
  done(null);
}

export function rename(from: string, to: string, done: Done): void {
  const temp = temps.get(from);
  fs.rename(temp?.path ?? from, to, (error) => {
    if (temp && !error) temp.isThere = false;
    done(error);
  });
}

/** The file under the name may be somebody else's: planted before, or put in its place since. */
export function unlink(path: string, done: Done): void {
  try {
    const temp = temps.get(path);
    if (temp?.isThere === true && isNamed(temp.fd, temp.path)) removeOrEmpty(temp);
    done(null);
  } catch (error) {
    done(error as Error);
  }
}

/** A temp file that cannot be removed is emptied. */
function removeOrEmpty({ fd, path }: Temp): void {
  try {
    fs.unlinkSync(path);
  } catch (error) {
    fs.ftruncateSync(fd);
    throw error;
  }
}
