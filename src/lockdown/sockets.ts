import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A user with connections to the metadata service. */
export interface Talker {
  readonly uid: number;
  readonly connections: number;
}

/** The addresses as /proc/net shows them: words of 32 bits, in the byte order of x86 and ARM. */
const REMOTES: readonly string[] = [
  'FEA9FEA9',
  // The same in a socket for IPv6: ::ffff:169.254.169.254.
  '0000000000000000FFFF0000FEA9FEA9',
  'C20E00FD000000000000000054020000',
];

/** ESTABLISHED, SYN_SENT and CLOSE_WAIT: in other states nobody may be behind the socket, and it counts as root's. */
const OPEN: readonly string[] = ['01', '02', '08'];

/** Who is connected to the metadata service at this moment. Other network namespaces cannot be seen from ours. */
export async function readTalkers(net: string): Promise<readonly Talker[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readOptional(join(net, name))));
  return countTalkers(tables.join('\n'));
}

/** A table may be missing: a kernel can do without IPv6. */
export async function readOptional(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}

/** Columns: number, local and remote address, state, queues, timer, retransmits, user. */
export function countTalkers(table: string): readonly Talker[] {
  const counts = new Map<number, number>();
  for (const line of table.split('\n')) {
    const [, , remote = '', state = '', , , , user = ''] = line.trim().split(/\s+/);
    if (!REMOTES.includes(remote.split(':')[0] ?? '') || !OPEN.includes(state) || !/^\d+$/.test(user)) continue;
    counts.set(Number(user), (counts.get(Number(user)) ?? 0) + 1);
  }
  return [...counts].map(([uid, connections]) => ({ uid, connections })).sort((a, b) => a.uid - b.uid);
}
