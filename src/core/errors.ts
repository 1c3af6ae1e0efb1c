import type { ErrorCode } from './exit.ts';

export type { ErrorCode } from './exit.ts';

/** The part of an error that may be printed, stored and sent over the control socket: no secrets, ever. */
export interface ErrorInfo {
  readonly code: ErrorCode;
  /** What, expected, got: lower case, no period at the end. */
  readonly message: string;
  /** The administrator's next step. */
  readonly hint?: string;
}

interface AgentErrorOptions {
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: AgentErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.hint = options.hint;
  }

  toInfo(): ErrorInfo {
    const { code, message, hint } = this;
    return { code, message, ...(hint !== undefined && { hint }) };
  }
}

/**
 * The printable part of anything thrown. Messages of foreign errors are not taken over, since nobody
 * vouches for what they quote; the errno code and the system call are.
 */
export function toErrorInfo(error: unknown, fallback: ErrorCode = 'INTERNAL'): ErrorInfo {
  if (error instanceof AgentError) return error.toInfo();
  return { code: fallback, message: describeForeign(error) };
}

/** `EACCES on open` for system errors, the class name for others. */
export function describeForeign(error: unknown): string {
  const name = errnoName(error);
  if (name !== undefined && isErrno(error)) return error.syscall === undefined ? name : `${name} on ${error.syscall}`;
  return error instanceof Error ? error.name : typeof error;
}

interface ErrnoError extends Error {
  readonly code: string;
  readonly syscall?: string;
}

export function isErrno(error: unknown, ...codes: readonly string[]): error is ErrnoError {
  const name = errnoName(error);
  return name !== undefined && (codes.length === 0 || codes.includes(name));
}

export function errnoError(code: string, syscall: string): ErrnoError {
  return Object.assign(new Error(`${code} on ${syscall}`), { code, syscall });
}

/** Errors of quotas and network file systems for which libuv has no name. */
const UNNAMED: Readonly<Record<string, string>> = { '-116': 'ESTALE', '-122': 'EDQUOT' };

/** `EACCES`; undefined for what is no system error. */
export function errnoName(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const isUnnamed = /^unknown\b/i.test(error.code) && 'errno' in error;
  const name = isUnnamed ? (UNNAMED[String(error.errno)] ?? `ERRNO${String(error.errno).slice(1)}`) : error.code;
  return /^E[A-Z0-9]+$/.test(name) ? name : undefined;
}

/** Returns the result of `work`, or `otherwise` if it throws anything. */
export function attempt<T, Otherwise>(work: () => T, otherwise: Otherwise): T | Otherwise {
  try {
    return work();
  } catch {
    return otherwise;
  }
}

/** Returns the result of `work`, or `otherwise` if it throws an errno error with one of these names; no names: with any. */
export function onErrno<T, Otherwise>(names: readonly string[], otherwise: Otherwise, work: () => T): T | Otherwise {
  try {
    return work();
  } catch (error) {
    if (isErrno(error, ...names)) return otherwise;
    throw error;
  }
}
