import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { isUtf8 } from 'node:buffer';
import { describeForeign, isErrno } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import { problem, type Finding, type Problem } from './problem.ts';
import { examine, identityOf, type Weakness } from './trust.ts';

/** Far beyond a configuration of a thousand sinks. */
const MAX_BYTES = 1024 * 1024;

export type FileText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: Problem };

/** The text of a configuration file. For root, of one that nobody else can change. */
export function readConfigFile(file: string, uid: number): FileText {
  try {
    // Without O_NONBLOCK a FIFO would keep us waiting for a writer.
    const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      return readOpened(file, fd, uid);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return refuse(file, 'CONFIG_UNREADABLE', describeFailure('a file', error));
  }
}

function readOpened(file: string, fd: number, uid: number): FileText {
  const stat = fstatSync(fd, { bigint: true });
  if (!stat.isFile())
    return refuse(file, 'CONFIG_UNREADABLE', { message: `expected a regular file, got ${kindOf(stat)}` });
  const unsafe = uid === 0 ? findUnsafe(file, stat) : undefined;
  if (unsafe) return refuse(file, 'CONFIG_UNSAFE', unsafe);
  return decode(file, readCapped(fd));
}

/** A configuration can run commands as root: it must be root's alone, and so must every directory on the way to it. */
function findUnsafe(file: string, opened: BigIntStats): Finding | undefined {
  const { identity, weakness } = examine(file);
  if (weakness) return describeWeakness(weakness, installConfig(file, weakness));
  // The path and the descriptor must be one file: what was looked at is what is read.
  if (identity === identityOf(opened)) return undefined;
  return { message: 'expected a file that stands still, got another one in its place', hint: 'try again' };
}

export function describeWeakness({ path, got }: Weakness, remedy: string): Finding {
  return {
    message: `expected ${path} to be root's, and nobody else's to write, got ${got}`,
    hint: `look it through, then: ${remedy}`,
  };
}

const HOME = '/etc/credrotate';

/** A copy where only root can write, since whoever owns a file may still hold it open; what is there is taken back. */
function installConfig(file: string, { path }: Weakness): string {
  if (resolve(file).startsWith(`${HOME}/`)) return takeBack(path);
  const target = basename(dirname(resolve(file))) === 'conf.d' ? `conf.d/${basename(file)}` : 'credrotate.yaml';
  return `sudo install -m 644 -o root -g root ${shellWord(file)} ${shellWord(`${HOME}/${target}`)}`;
}

export function takeBack(path: string): string {
  return `sudo chown root:root ${shellWord(path)} && sudo chmod go-w ${shellWord(path)}`;
}

function readCapped(fd: number): Buffer {
  const buffer = Buffer.allocUnsafe(MAX_BYTES + 1);
  let length = 0;
  for (;;) {
    const bytesRead = readSync(fd, buffer, length, buffer.length - length, null);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}

function decode(file: string, bytes: Buffer): FileText {
  const expected = 'expected YAML in UTF-8, got';
  if (bytes.length > MAX_BYTES) return refuse(file, 'CONFIG_INVALID', { message: 'expected at most 1 MiB, got more' });
  if (/^(?:\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2))) {
    return refuse(file, 'CONFIG_INVALID', { message: `${expected} UTF-16`, hint: 'save it as UTF-8' });
  }
  if (!isUtf8(bytes) || bytes.includes(0))
    return refuse(file, 'CONFIG_INVALID', { message: `${expected} other bytes` });
  return { ok: true, text: bytes.toString().replace(/^\uFEFF/, '') };
}

function refuse(file: string, code: Problem['code'], finding: Finding): FileText {
  return { ok: false, problem: problem(code, { file }, finding) };
}

/** For a file or directory that could not be read. */
export function describeFailure(expected: 'a file' | 'a directory', error: unknown): Finding {
  const message = (got: string): string => `expected ${expected}, got ${got}`;
  if (isErrno(error, 'ENOENT')) {
    return { message: message('nothing there'), hint: 'write one there, or name another with --config' };
  }
  const hint = isErrno(error, 'EACCES') ? 'run it as root, or let everybody read it: it holds no secrets' : undefined;
  return { message: message(describeForeign(error)), hint };
}

function kindOf(stat: BigIntStats): string {
  if (stat.isDirectory()) return 'a directory';
  return stat.isFIFO() ? 'a FIFO' : 'something else';
}
