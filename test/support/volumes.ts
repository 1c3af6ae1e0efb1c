import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { eventually } from './eventually.ts';
import { limit } from './limits.ts';

/** Of a user and of a group, as many as systems have, each by its own number. */
const THEMSELVES = '0 0 65536\n';

/**
 * Runs a script of sh as root of mounts and users of its own, and gives what it prints: nobody else sees what it mounts,
 * and it goes with its last process. Rejects where it fails.
 */
export async function runInVolumes(script: string, ...args: readonly string[]): Promise<string> {
  const flags = ['--user', '--mount', '--propagation', 'private'];
  const shell = ['sh', '-euc', `read -r go\n${script}`, 'sh', ...args];
  const child = spawn('unshare', [...flags, ...shell], { timeout: limit(60_000), killSignal: 'SIGKILL' });
  const [stdout, stderr, ended] = [text(child.stdout), text(child.stderr), once(child, 'exit')] as const;
  await Promise.race([mapUsers(child.pid ?? 0), ended]);
  child.stdin.end('go\n');
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`exit code ${String(code)}: ${await stderr}`);
  return await stdout;
}

/** As soon as the process has a namespace of its own. */
async function mapUsers(pid: number): Promise<void> {
  await eventually('a namespace of users', () => {
    try {
      writeFileSync(`/proc/${String(pid)}/uid_map`, THEMSELVES);
      writeFileSync(`/proc/${String(pid)}/gid_map`, THEMSELVES);
      return true;
    } catch {
      return false;
    }
  });
}
