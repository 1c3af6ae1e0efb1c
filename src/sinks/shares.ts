import type { Share } from './assign.ts';
import type { SinkDeps } from './compare.ts';
import type { TempFile } from './contract.ts';

/** The shares, and one without sinks for each user who has none any more, but something to be removed. */
export async function withSweepers(
  { actors, users }: Pick<SinkDeps, 'actors' | 'users'>,
  temps: readonly TempFile[],
  shares: readonly Share[],
): Promise<readonly Share[]> {
  const uids = new Set(actors ? temps.flatMap(({ uid }) => uid ?? []) : []);
  for (const { user } of shares) uids.delete(user.uid);
  const found = await Promise.all([...uids].map((uid) => users.user(uid).catch(() => undefined)));
  return [...shares, ...found.flatMap((user) => (user ? [{ user, sinks: [] }] : []))];
}

/** What a user's process is to remove; without a user, what the agent itself is to. */
export function tempsOf(temps: readonly TempFile[], uid?: number): readonly TempFile[] {
  return temps.filter((temp) => temp.uid === uid);
}

/** What nobody was there to remove. */
export function tempsOfNobody(temps: readonly TempFile[], shares: readonly Share[]): readonly TempFile[] {
  const asked = new Set<number | undefined>([undefined, ...shares.map(({ user }) => user.uid)]);
  return temps.filter(({ uid }) => !asked.has(uid));
}
