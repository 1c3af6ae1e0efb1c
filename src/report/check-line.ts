import { printable } from '../core/printable.ts';
import type { Level } from './assess.ts';

/** What plugins of Nagios, Icinga and the like end with. */
export const NAGIOS: Readonly<Record<Level | 'unknown', number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** `CREDROTATE OK - 3 sinks fresh | expiry=18720s`: one line for people, and the number for graphs. */
export function checkLine(level: Level | 'unknown', findings: readonly string[], left?: number): string {
  const performance = left === undefined ? '' : ` | expiry=${String(Math.floor(left / 1000))}s`;
  // What follows the first | would be taken for numbers.
  const text = printable(findings.join('; ')).replaceAll('|', '/');
  return `CREDROTATE ${level.toUpperCase()} - ${text}${performance}\n`;
}
