import { dirname } from 'node:path';
import type { SinkConfig } from '../core/config.ts';
import type { User } from '../core/contracts.ts';
import type { SinkDeps } from './place.ts';
import type { TempFile } from './contract.ts';

/** Sinks as a process of this user is to see them: with numbers where others have names, a user's own without owner. */
export interface Share {
  readonly user: User;
  readonly sinks: readonly SinkConfig[];
  /** Of root's own: where the process may hang. */
  readonly mount?: string;
}

/** A share, and what its process is to remove. */
export interface Task extends Share {
  readonly temps: readonly TempFile[];
}

export interface Tasks {
  readonly tasks: readonly Task[];
  /** What the agent itself is to remove. */
  readonly own: readonly TempFile[];
  /** What nobody is there to remove. */
  readonly left: readonly TempFile[];
}

/** Temp files are removed by a process of whom they were made, who may have no sink any more. */
export async function divide(
  { actors, users }: Pick<SinkDeps, 'actors' | 'users'>,
  temps: readonly TempFile[],
  shares: readonly Share[],
): Promise<Tasks> {
  const tasks: Task[] = shares.map((share) => ({ ...share, temps: temps.filter((temp) => isIn(share, temp)) }));
  const own = temps.filter(({ uid }) => uid === undefined);
  const taken = new Set([...own, ...tasks.flatMap((task) => task.temps)]);
  const left: TempFile[] = [];
  for (const [uid, group] of Map.groupBy(temps, (temp) => temp.uid)) {
    const rest = group.filter((temp) => !taken.has(temp));
    if (uid === undefined || rest.length === 0) continue;
    const user = actors && (await users.user(uid).catch(() => undefined));
    if (user) tasks.push({ user, sinks: [], temps: rest });
    else left.push(...rest);
  }
  return { tasks, own, left };
}

/** Root has a process for each file system that may hang, and none touches what is another's. */
function isIn({ user, sinks, mount }: Share, { uid, path }: TempFile): boolean {
  if (uid !== user.uid) return false;
  return mount === undefined || sinks.some((sink) => dirname(sink.path) === dirname(path));
}
