import { isErrno } from '../core/errors.ts';
import { runTool, type HostDeps, type ToolOptions } from './tool.ts';

/** Fields of a line of /etc/passwd or /etc/group. */
export type Entry = readonly string[];

/** Milliseconds that a name service (LDAP, sssd, systemd) may take. */
const TIMEOUT = 5_000;
/** A group can have very many members. */
const KEEP = 16 * 1024 * 1024;
/** The exit code of getent for: there is no such entry. */
const ABSENT = 2;

/**
 * Asks all name services of this machine for an entry, by name or number; undefined when there is none, or no getent
 * and so no other services than the files. Rejects with ETIMEDOUT when they do not answer.
 */
export async function getent(
  deps: HostDeps,
  table: 'passwd' | 'group',
  key: string,
  options: Partial<Pick<ToolOptions, 'timeout' | 'signal'>> = {},
): Promise<Entry | undefined> {
  if (!isAskable(key)) return undefined;
  const asked = runTool(deps, ['getent', table, key], { timeout: TIMEOUT, keep: KEEP, ...options });
  const result = await asked.catch((error: unknown) => {
    options.signal?.throwIfAborted();
    if (isErrno(error, 'ENOENT')) return { exitCode: ABSENT, output: '' };
    throw error;
  });
  if (result.exitCode === 0) return result.output.split('\n')[0]?.split(':');
  if (result.exitCode === ABSENT) return undefined;
  throw Object.assign(new Error('the name services do not answer'), { code: 'ETIMEDOUT', syscall: 'getent' });
}

/** What getent cannot take for an option, a list or another field. */
function isAskable(name: string): boolean {
  return name !== '' && !name.startsWith('-') && !/[:\0\n]/.test(name);
}
