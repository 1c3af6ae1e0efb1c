import type { Level } from '../core/findings.ts';
import { printable } from '../core/printable.ts';

/** What plugins of Nagios, Icinga and the like end with. */
export const NAGIOS: Readonly<Record<Level, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** `OK - 3 sinks up to date`: a line for people. */
export function statusText(level: Level, summary: string): string {
  return `${level.toUpperCase()} - ${printable(summary)}`;
}

/** `CREDROTATE OK - 3 sinks up to date | expiry=18720s`: the line, and a number for graphs. */
export function checkLine(level: Level, summary: string, left?: number): string {
  const performance = left === undefined ? '' : ` | expiry=${String(Math.floor(left / 1000))}s`;
  // What follows the first | would be taken for numbers.
  return `CREDROTATE ${statusText(level, summary).replaceAll('|', '/')}${performance}\n`;
}
