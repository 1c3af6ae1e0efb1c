import { displayKeyId } from '../core/credentials.ts';
import { MARKER } from '../core/owned.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { SinkStatus } from './schema.ts';

const CHANGES: readonly SinkOutcome['result'][] = ['written', 'repaired', 'forgotten', 'removed'];

type Preview = SinkOutcome & { readonly current?: Buffer; readonly next?: Buffer; readonly diff?: readonly string[] };

/** The result of a sink, or its result in a preview with the change of its file. */
export function foreseen(preview: Preview, isPreview = true): SinkStatus {
  const { bytesChanged: _bytesChanged, evidence: _evidence, current, next, diff, ...outcome } = preview;
  if (!isPreview || !CHANGES.includes(outcome.result)) return outcome;
  if (outcome.result === 'removed') return { ...outcome, diff: [] };
  if (diff) return { ...outcome, diff: [...diff] };
  return { ...outcome, diff: next ? redactedDiff(current, next) : ['(too large to be shown)'] };
}

/**
 * The change of a file, for people: by line, and without a value that could be a secret. Names are shown;
 * values only where they are an expiration, or the last characters of a key id.
 */
export function redactedDiff(current: Buffer | undefined, next: Buffer): string[] {
  const before = lines(current);
  const after = lines(next);
  const kept = new Set(before).intersection(new Set(after));
  const changed = [
    ...before.filter((line) => !kept.has(line)).map((line) => ['-', line] as const),
    ...after.filter((line) => !kept.has(line)).map((line) => ['+', line] as const),
  ];
  const shown = changed.slice(0, MOST_LINES).map(([sign, line]) => `${sign} ${redact(line)}`);
  return changed.length > MOST_LINES ? [...shown, `(${String(changed.length - MOST_LINES)} more lines)`] : shown;
}

/** Of one file; people read no more. */
const MOST_LINES = 200;

function lines(bytes: Buffer | undefined): string[] {
  // A lossless reading of any bytes; what is shown of them is plain ASCII.
  const text = bytes?.toString('latin1') ?? '';
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

/** Of all that is blank only what steers no terminal. */
const HEADER = /^[ \t]*\[[\w ./%@:+-]+\][ \t]*$/;
const ASSIGNMENT = /^(?<name>[ \t]*(?:export[ \t]+)?"?[A-Za-z_][\w.-]*"?[ \t]*[=:])\s*"?(?<value>[^",]*)/;
const BRACKETS = /^[ \t{}[\],]*$/;
const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/;

/** Longer than any that says something. */
const LONGEST = 400;

function redact(line: string): string {
  const shown = readable(line);
  return shown !== undefined && shown.length <= LONGEST ? shown : `(a line of ${String(line.length)} bytes)`;
}

/** Undefined for a line that may be a secret, or a part of one. */
function readable(line: string): string | undefined {
  if (line === MARKER || HEADER.test(line) || BRACKETS.test(line)) return line;
  const { name, value = '' } = ASSIGNMENT.exec(line)?.groups ?? {};
  // The text before a final `=` can be a key in base64.
  if (name === undefined || /^[\s=]*$/.test(value)) return undefined;
  return `${name} ${show(value.trim())}`;
}

function show(value: string): string {
  return MOMENT.test(value) ? value : displayKeyId(value);
}
