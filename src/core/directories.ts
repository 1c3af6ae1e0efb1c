import { join } from 'node:path';
import type { Environment } from './contracts.ts';

export interface Directories {
  /** State and lock, which outlive a boot. */
  readonly state: string;
  /** Status and control socket, which do not. */
  readonly runtime: string;
}

/** The directories of root's agent. */
export const SYSTEM_DIRECTORIES: Directories = { state: '/var/lib/credrotate', runtime: '/run/credrotate' };

/** systemd's directories where it made some, else the ones of the system for root and those of XDG for others. */
export function directoriesFor(env: Environment, uid: number, home: string): Directories {
  const { XDG_STATE_HOME: stateHome, XDG_RUNTIME_DIR: runtimeHome } = env;
  const own = join(stateHome || join(home, '.local/state'), 'credrotate');
  const state = first(env['STATE_DIRECTORY']) ?? (uid === 0 ? SYSTEM_DIRECTORIES.state : own);
  const ownRuntime = runtimeHome ? join(runtimeHome, 'credrotate') : join(state, 'run');
  return { state, runtime: first(env['RUNTIME_DIRECTORY']) ?? (uid === 0 ? SYSTEM_DIRECTORIES.runtime : ownRuntime) };
}

/** systemd joins several directories with colons; ours is the first. */
function first(list: string | undefined): string | undefined {
  return list?.split(':')[0] || undefined;
}
