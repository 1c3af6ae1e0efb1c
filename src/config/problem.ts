import type { Config } from '../core/config.ts';
import type { ErrorCode } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { positionOf, type Item, type Position, type Tree } from './tree.ts';

export type ConfigResult =
  /** `tree`: what the files say together. */
  | { readonly ok: true; readonly config: Config; readonly tree: Tree; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface Problem extends Position {
  /** `note`: of one setting in several files, which of them counts. */
  readonly severity: 'error' | 'warning' | 'note';
  readonly code: Extract<ErrorCode, 'CONFIG_INVALID' | 'CONFIG_UNREADABLE' | 'CONFIG_UNSAFE'>;
  /** The setting, `sinks[2].mode`; empty when it is the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

export interface ProblemText {
  readonly path?: string;
  readonly message: string;
  readonly hint?: string | undefined;
}

export function invalid(position: Position, finding: ProblemText): Problem {
  return problem('CONFIG_INVALID', position, finding);
}

/** A problem with a setting of a sink, a source, a consumer or a file. */
export function wrong({ tree, path }: Item, keys: readonly string[], message: string, hint?: string): Problem[] {
  return [invalid(positionOf(tree, keys), { path: [path, ...keys].filter(Boolean).join('.'), message, hint })];
}

export function warning(position: Position, finding: ProblemText): Problem {
  return { ...problem('CONFIG_INVALID', position, finding), severity: 'warning' };
}

export function note(position: Position, finding: ProblemText): Problem {
  return { ...problem('CONFIG_INVALID', position, finding), severity: 'note' };
}

export function problem(code: Problem['code'], position: Position, { path = '', message, hint }: ProblemText): Problem {
  return { severity: 'error', code, ...position, path, message, ...(hint === undefined ? {} : { hint }) };
}

/** A line each, `file:line:column: path: message`, and one for its hint; empty without problems. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(format).join('');
}

function format({ severity, path, message, hint, ...position }: Problem): string {
  const parts = [positionText(position), ...(severity === 'error' ? [] : [severity]), ...(path ? [path] : []), message];
  const lines = [parts.join(': '), ...(hint === undefined ? [] : [`  hint: ${hint}`])];
  return lines.map((line) => `${printable(line)}\n`).join('');
}

export function positionText({ file, line, column }: Position): string {
  return [file, line, column].filter((part) => part !== undefined).join(':');
}

const LONGEST = 60;

/** A value for `got …`. Long texts, and texts that may be keys or passwords, are described instead. */
export function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') return showText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'keys and values';
}

function showText(text: string): string {
  if (text.length > LONGEST || isLikeSecret(text)) return `a text of ${String(text.length)} characters`;
  return `"${printable(text)}"`;
}

/** An AWS secret key, or a URL with a user name and password. */
function isLikeSecret(text: string): boolean {
  return /^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z\d+/]{40}$/.test(text) || /:\/\/[^/]*@/.test(text);
}

/** A key in the notation of {@link pathText}; a long one is cut. */
function showKey(key: string): string {
  if (/^[\w-]{1,60}$/.test(key)) return `.${key}`;
  return `["${printable(key.length > LONGEST ? `${key.slice(0, LONGEST)}…` : key)}"]`;
}

/** `sinks[2].mode` */
export function pathText(path: readonly (string | number)[]): string {
  const text = path.map((key) => (typeof key === 'number' ? `[${String(key)}]` : showKey(key))).join('');
  return text.startsWith('.') ? text.slice(1) : text;
}

/** `a`, `a or b`, `a, b or c` */
export function oneOf(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`;
}

/** The most similar name, as a hint. */
export function didYouMean(got: string, names: readonly string[]): string | undefined {
  const near = names
    .map((name) => ({ name, distance: editDistance(plainName(got), plainName(name)) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= Math.max(1, near.name.length / 3) ? `did you mean ${near.name}?` : undefined;
}

/** maxInterval, max-interval and max_interval are one name. */
function plainName(name: string): string {
  return name.slice(0, LONGEST).toLowerCase().replace(/[-_ ]/g, '');
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, other] of Array.from(b).entries()) {
      const replace = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replace, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** A file of the configuration, or what is wrong with it. */
export type FileText =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: Problem; readonly isMissing?: boolean };
