import { constants, readSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { onErrno, isErrno, type ErrorInfo } from '../core/errors.ts';
import { executedBy, SEPARATORS, type Executed } from '../core/executed.ts';
import { shellWord } from '../core/printable.ts';
import { errorOf, openDirectory, openFile } from './policies.ts';
import { takeBackOr, withRemedy } from './refusal.ts';
import type { Held } from './held.ts';
import type { Walker } from './walked.ts';

/** Why a command is not run, and which of its words is to blame. */
export interface CommandFault extends Executed {
  /** The path is somebody else's to change; else there is no program, or nobody can see whose it is. */
  readonly isUnsafe: boolean;
  readonly isMissing: boolean;
  /** It lies on a file system that may let us wait, mounted there: nothing was looked at. */
  readonly mount?: string;
  readonly error: ErrorInfo;
}

/**
 * Judges everything that a command would execute: nobody but root and the walker may be able to change it, or what leads
 * there, whoever it then runs as. Empty when it may be run. `depth`: how many interpreters of interpreters led here.
 */
export function judgeCommand(command: readonly string[], walker: Walker, depth = 0): readonly CommandFault[] {
  const [program = ''] = command;
  const own = { word: 0, path: program, role: 'program' } as const;
  using found = openFile('program', program, walker);
  if (found.kind !== 'file') return [faultOf(own, found)];
  const [, ...others] = executedBy(command, found.held.path);
  const fault = judgeInterpreter(own, found.held, walker, depth);
  return [...(fault ? [fault] : []), ...others.flatMap((executed) => judgeOther(executed, walker, depth) ?? [])];
}

/** As the kernel. */
const MAX_DEPTH = 4;
const LINE_BYTES = 256;

/** Judges the interpreter that the kernel executes in place of a script, as its first line says. */
function judgeInterpreter(script: Executed, held: Held, walker: Walker, depth: number): CommandFault | undefined {
  const [, program, argument] = /^#![ \t]*(\S+)[ \t]*([^\n]*?)[ \t\r]*(?:\n|$)/.exec(beginOf(held)) ?? [];
  if (program === undefined || depth === MAX_DEPTH) return undefined;
  const command = [resolve('/', program), ...(argument ? [argument] : []), script.path];
  const [fault] = judgeCommand(command, walker, depth + 1);
  return fault && { ...fault, word: script.word };
}

/** Empty for what cannot be read: no interpreter could either. */
function beginOf(held: Held): string {
  if (!held.stat().isFile()) return '';
  return onErrno(['EACCES'], '', () => {
    using file = held.reopen(constants.O_RDONLY);
    const bytes = Buffer.alloc(LINE_BYTES);
    return bytes.toString('latin1', 0, readSync(file.fd, bytes, 0, LINE_BYTES, 0));
  });
}

/** A path that does not exist is not executed. A directory may hold programs that are. */
function judgeOther(executed: Executed, walker: Walker, depth: number): CommandFault | undefined {
  using found = openFile('program', executed.path, walker);
  // An interpreter does not look at the first line of its script.
  if (found.kind === 'file')
    return executed.role === 'script' ? undefined : judgeInterpreter(executed, found.held, walker, depth);
  if (found.kind === 'absent') return judgeAbsent(executed, found, walker);
  const error = found.kind === 'refused' && found.refusal.why === 'errno' ? found.refusal.error : undefined;
  if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP') && executed.role !== 'script') return undefined;
  if (!isErrno(error, 'EISDIR')) return faultOf(executed, found);
  using directory = openDirectory('program', executed.path, walker);
  return directory.kind === 'directory' ? undefined : faultOf(executed, directory);
}

/** Of what is not there nobody else may be able to make it; a sandbox of ours may hide it, and what leads to it. */
function judgeAbsent(executed: Executed, found: NotFound, walker: Walker): CommandFault | undefined {
  if (executed.role === 'guess') return undefined;
  if (executed.role === 'script') return faultOf(executed, found);
  using directory = openDirectory('program', dirname(executed.path), walker);
  if (directory.kind !== 'directory') return faultOf(executed, directory);
  const [missing] = directory.missing;
  if (missing === undefined) return undefined;
  // `/bin/sh /root/script`, which begins with a program, is no path: its parts are judged by themselves.
  const [first = ''] = missing.split(SEPARATORS);
  using program = openFile('program', join(directory.held.path, first), walker);
  return program.kind === 'file' ? undefined : faultOf(executed, found);
}

type NotFound = Exclude<ReturnType<typeof openFile>, { readonly kind: 'file' }>;

function faultOf(executed: Executed, found: NotFound): CommandFault {
  const { path } = executed;
  const error = found.kind === 'refused' ? found.error : errorOf('program', path, found).toInfo();
  const refusal = found.kind === 'refused' ? found.refusal : undefined;
  const isMissing = found.kind === 'absent';
  const mount = found.kind === 'remote' ? { mount: found.at } : {};
  const isUnsafe = !isMissing && found.kind !== 'remote' && refusal?.why !== 'errno' && refusal?.why !== 'no-proc';
  const remedied = withRemedy(path, error, refusal, takeBackOr(install(path)));
  return { ...executed, ...mount, isUnsafe, isMissing, error: remedied };
}

function install(program: string): string {
  // Not /usr/local, where a group may write on Debian.
  const copy = `/etc/credrotate/hooks/${basename(program)}`;
  return `sudo install -D -m 755 -o root -g root ${shellWord(program)} ${shellWord(copy)}, and name that copy`;
}
