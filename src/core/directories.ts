import { join } from 'node:path';

export interface Directories {
  /** What outlives a boot: state and lock. */
  readonly state: string;
  /** What does not: status and control socket. */
  readonly runtime: string;
}

/** Of root's agent. */
export const SYSTEM_DIRECTORIES: Directories = { state: '/var/lib/credrotate', runtime: '/run/credrotate' };

type Environment = Readonly<Record<string, string | undefined>>;

/** systemd's directories where it made some, else the ones of the system for root and those of XDG for others. */
export function directoriesFor(env: Environment, uid: number, home: string): Directories {
  const state = first(env['STATE_DIRECTORY']) ?? (uid === 0 ? SYSTEM_DIRECTORIES.state : userState(env, home));
  const runtime = first(env['RUNTIME_DIRECTORY']) ?? (uid === 0 ? SYSTEM_DIRECTORIES.runtime : userRuntime(env, state));
  return { state, runtime };
}

/** systemd joins several directories with colons; ours is the first. */
function first(list: string | undefined): string | undefined {
  return list?.split(':')[0] || undefined;
}

function userState(env: Environment, home: string): string {
  return join(env['XDG_STATE_HOME'] || join(home, '.local/state'), 'credrotate');
}

function userRuntime(env: Environment, state: string): string {
  const base = env['XDG_RUNTIME_DIR'];
  return base ? join(base, 'credrotate') : join(state, 'run');
}
