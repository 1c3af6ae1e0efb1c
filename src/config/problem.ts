import type { Config } from '../core/config.ts';
import type { ErrorCode } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { Place, Tree } from './tree.ts';

export type ConfigResult =
  /** `tree`: what the files say together. */
  | { readonly ok: true; readonly config: Config; readonly tree: Tree; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface Problem extends Place {
  /** `note`: of one setting in several files, which of them counts. */
  readonly severity: 'error' | 'warning' | 'note';
  readonly code: Extract<ErrorCode, 'CONFIG_INVALID' | 'CONFIG_UNREADABLE' | 'CONFIG_UNSAFE'>;
  /** The setting, `sinks[2].mode`; empty when it is the file as a whole. */
  readonly path: string;
  /** `expected …, got …`. */
  readonly message: string;
  /** What the administrator does next. */
  readonly hint?: string;
}

/** What a check finds out about one setting. */
export interface Finding {
  readonly path?: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export function invalid(place: Place, finding: Finding): Problem {
  return problem('CONFIG_INVALID', place, finding);
}

export function warning(place: Place, finding: Finding): Problem {
  return { ...problem('CONFIG_INVALID', place, finding), severity: 'warning' };
}

export function note(place: Place, finding: Finding): Problem {
  return { ...problem('CONFIG_INVALID', place, finding), severity: 'note' };
}

export function problem(code: Problem['code'], place: Place, { path = '', message, hint }: Finding): Problem {
  return { severity: 'error', code, ...place, path, message, ...(hint === undefined ? {} : { hint }) };
}

/** A line each, `file:line:column: path: message`, and one for its hint; empty without problems. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(format).join('');
}

function format({ severity, path, message, hint, ...place }: Problem): string {
  const parts = [placeText(place), ...(severity === 'error' ? [] : [severity]), ...(path ? [path] : []), message];
  const lines = [parts.join(': '), ...(hint === undefined ? [] : [`  hint: ${hint}`])];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

export function placeText({ file, line, column }: Place): string {
  return [file, line, column].filter((part) => part !== undefined).join(':');
}
