import { isUtf8 } from 'node:buffer';
import { basename, dirname, resolve } from 'node:path';
import { AgentError, describeForeign, isErrno } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import { readFile } from '../files/read.ts';
import { Held } from '../paths/held.ts';
import { errorOf, openFile } from '../paths/policies.ts';
import { takeBack, withRemedy } from '../paths/remedy.ts';
import { problem, type Finding, type Problem } from './problem.ts';

export type FileText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: Problem; readonly isMissing?: boolean };

/** The text of a configuration file. For root, of one that nobody else can change: it can run commands as root. */
export function readConfigFile(file: string, uid: number): FileText {
  try {
    if (uid !== 0) return readHeld(file, Held.unjudged(file));
    using found = openFile('configuration', file, { uid });
    if (found.kind === 'file') return readHeld(file, found.held);
    if (found.kind === 'absent') throw Object.assign(new Error(file), { code: 'ENOENT', syscall: 'open' });
    const refusal = found.kind === 'refused' ? found.refusal : undefined;
    if (refusal?.why === 'errno') throw refusal.error;
    const { code, ...error } = found.kind === 'refused' ? found.error : errorOf('configuration', file, found).toInfo();
    const finding = withRemedy(file, { code, ...error }, refusal, (at) => installConfig(file, at));
    return refuse(file, code === 'CONFIG_UNSAFE' ? code : 'CONFIG_UNREADABLE', finding);
  } catch (error) {
    const refused = refuse(file, 'CONFIG_UNREADABLE', describeFailure('a file', error));
    return { ...refused, isMissing: isErrno(error, 'ENOENT') };
  }
}

function readHeld(file: string, held: Held): FileText {
  using reading = held;
  try {
    return decode(file, readFile(reading, { notRegular: 'CONFIG_UNREADABLE', tooLarge: 'CONFIG_INVALID' }).bytes);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const message = error.message.replace(`${held.path}: `, '');
    return refuse(file, error.code === 'CONFIG_INVALID' ? error.code : 'CONFIG_UNREADABLE', { message });
  }
}

const HOME = '/etc/credrotate';

/** A copy where only root can write, since whoever owns a file may still hold it open; what is there is taken back. */
function installConfig(file: string, at: string): string {
  if (resolve(file).startsWith(`${HOME}/`)) return takeBack(at);
  const target = basename(dirname(resolve(file))) === 'conf.d' ? `conf.d/${basename(file)}` : 'credrotate.yaml';
  return `sudo install -m 644 -o root -g root ${shellWord(file)} ${shellWord(`${HOME}/${target}`)}`;
}

function decode(file: string, bytes: Buffer): FileText {
  const expected = 'expected YAML in UTF-8, got';
  if (/^(?:\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2))) {
    return refuse(file, 'CONFIG_INVALID', { message: `${expected} UTF-16`, hint: 'save it as UTF-8' });
  }
  if (!isUtf8(bytes) || bytes.includes(0))
    return refuse(file, 'CONFIG_INVALID', { message: `${expected} other bytes` });
  return { ok: true, text: bytes.toString().replace(/^\uFEFF/, '') };
}

function refuse(file: string, code: Problem['code'], finding: Finding): Extract<FileText, { ok: false }> {
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
