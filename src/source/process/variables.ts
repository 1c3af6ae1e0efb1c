import type { EnvironmentValue } from '../../core/config.ts';
import type { UserIds } from '../../core/contracts.ts';
import { octal } from '../../core/printable.ts';
import { readAsOwner, type AskDeps } from '../../host/ask.ts';
import { denied, unreachable } from '../faults.ts';

/** The kernel allows 128 KiB for a variable; no token is half as long. */
const MOST = 64 * 1024;
const OTHERS = 0o077;

/**
 * The variables with their values. A file must be root's or the user's, who has the value then, and nobody else's to read;
 * its last newline is none of the value. Rejects with an AgentError that quotes nothing of it.
 */
export async function readVariables(
  deps: AskDeps,
  environment: Readonly<Record<string, EnvironmentValue>>,
  user: UserIds,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const entries = Object.entries(environment).map(async ([name, value]) => {
    return [name, typeof value === 'string' ? value : await readValue(deps, value.file, user, signal)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function readValue(deps: AskDeps, path: string, { uid }: UserIds, signal: AbortSignal): Promise<string> {
  const file = await readAsOwner(deps, { use: 'source', path, most: MOST + 1 }, signal);
  if (!file)
    throw unreachable(`${path}: expected the value of a variable, got no such file`, 'write it, with mode 0600');
  const { bytes, mode, user = uid } = file;
  if (user !== uid) throw denied(`${path}: expected a file of root or uid ${uid}, got one of uid ${user}`);
  if ((mode & OTHERS) !== 0)
    throw denied(`${path}: expected a file that nobody else can read, got mode ${octal(mode)}`, 'chmod 600 it');
  const value = bytes.toString().replace(/\r?\n$/, '');
  if (bytes.length > MOST || /[\0\r\n]/.test(value))
    throw denied(`${path}: expected one line of at most ${MOST} bytes, got something else`, 'write the value alone');
  return value;
}
