import { readFileSync } from 'node:fs';
import type { BootTime } from '../core/contracts.ts';

/** Now, on the clock by which the kernel also dates the start of processes. Hundredths of a second. */
export function readBootTime(): BootTime {
  const [uptime = ''] = readFileSync('/proc/uptime', 'ascii').split(' ');
  return {
    bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'ascii').trim(),
    sinceBoot: Math.round(Number(uptime) * 1000),
  };
}
