import { type Field, FIELDS } from './fields.ts';

/** How a value is written into a template; `raw` is as it is. */
export const FILTERS = [
  'json',
  'xml',
  'yaml',
  'toml',
  'php',
  'php-ini',
  'properties',
  'shell',
  'url',
  'nginx',
  'systemd',
  'raw',
] as const;
export type Filter = (typeof FILTERS)[number];

export type Delimiters = readonly [open: string, close: string];
export const DELIMITERS: Delimiters = ['{{', '}}'];

export interface Placeholder {
  readonly field: Field;
  readonly filter?: Filter;
  readonly line: number;
}

/** A mistake in a template; line and column count from 1. */
export interface TemplateFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface Template {
  /** In order: text, which is kept, and placeholders. */
  readonly parts: readonly (string | Placeholder)[];
  readonly faults: readonly TemplateFault[];
}

/** A value can be long, and what is written must be read again. */
const MOST_PLACEHOLDERS = 200;

/** Placeholders only: `{{ field }}` and `{{ field | filter }}`, each on one line. */
export function parseTemplate(text: string, [open, close]: Delimiters): Template {
  const parts: (string | Placeholder)[] = [];
  const faults: TemplateFault[] = [];
  let [from, line, lineStart] = [0, 1, 0];
  for (let at = text.indexOf(open); at >= 0; at = text.indexOf(open, from)) {
    parts.push(text.slice(from, at));
    for (let lf = text.indexOf('\n', from); lf >= 0 && lf < at; lf = text.indexOf('\n', lf + 1)) {
      [line, lineStart] = [line + 1, lf + 1];
    }
    const lineEnd = text.indexOf('\n', at);
    const end = text.slice(0, lineEnd < 0 ? undefined : lineEnd).indexOf(close, at + open.length);
    const read =
      end < 0 ? `expected ${close} on the same line, got none` : placeholder(text.slice(at + open.length, end));
    if (typeof read !== 'string') parts.push({ ...read, line });
    else faults.push({ line, column: at - lineStart + 1, message: read });
    if (end < 0 || parts.length > 2 * MOST_PLACEHOLDERS) break;
    from = end + close.length;
  }
  if (parts.length > 2 * MOST_PLACEHOLDERS)
    faults.push({ line, column: 1, message: `expected at most ${String(MOST_PLACEHOLDERS)} placeholders, got more` });
  return { parts: [...parts, text.slice(from)], faults };
}

function placeholder(inside: string): Omit<Placeholder, 'line'> | string {
  const [name = '', filter, ...more] = inside.split('|').map((part) => part.trim());
  const field = FIELDS.find((one) => one === name);
  if (!field) return `expected a field (${FIELDS.join(', ')}), got ${described(name)}`;
  if (filter === undefined) return { field };
  const known = FILTERS.find((one) => one === filter);
  if (!known || more.length > 0) return `expected one filter (${FILTERS.join(', ')}), got ${described(filter)}`;
  return { field, filter: known };
}

function described(text: string): string {
  return /^[\w.-]{1,40}$/.test(text) ? `"${text}"` : 'something else';
}

export function placeholdersOf({ parts }: Template): readonly Placeholder[] {
  return parts.filter((part) => typeof part !== 'string');
}
