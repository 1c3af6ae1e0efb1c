import { readFileSync } from 'node:fs';
import { onErrno } from '../core/errors.ts';
import type { BootTime } from '../core/contracts.ts';

/** A process does not outlive it. */
let bootId: string | undefined;

/** Now, on the clock by which the kernel also dates the start of processes. Hundredths of a second. */
export function readBootTime(): BootTime {
  const [uptime = ''] = readFileSync('/proc/uptime', 'ascii').split(' ');
  return { bootId: (bootId ??= readBootId()), sinceBoot: Math.round(Number(uptime) * 1000) };
}

/**
 * As process 1 sees it, where we may ask: in a container that is booted, a unit with a /proc of its own would see that of
 * the machine, and whoever asks for the agent that of the container.
 */
function readBootId(): string {
  const id = '/proc/sys/kernel/random/boot_id';
  const asSeen = onErrno(['EACCES', 'EPERM', 'ENOENT'], undefined, () => readFileSync(`/proc/1/root${id}`, 'ascii'));
  return (asSeen ?? readFileSync(id, 'ascii')).trim();
}
