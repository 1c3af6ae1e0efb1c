import { printable } from '../core/printable.ts';
import type { Paint, Style } from './paint.ts';
import { wrap } from './wrap.ts';

/** How a screen for people looks. */
export interface Look {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly paint: Paint;
  readonly width: number;
}

/** Words begin here; before it stands what they are about. */
export const INDENT = 12;
const MARGIN = ' '.repeat(INDENT);

/** What stands in the margin before the first line. */
export interface Label {
  readonly text: string;
  readonly style: Style;
}

export function labelled({ text, style }: Label, words: string, look: Look): string[] {
  const [first = '', ...more] = lines(words, look);
  return [look.paint(style, text) + ' '.repeat(Math.max(1, INDENT - text.length)) + first, ...indented(more)];
}

export function paragraph(words: string, look: Look, style?: Style): string[] {
  const painted = lines(words, look).map((line) => (style ? look.paint(style, line) : line));
  return indented(painted);
}

/** A command or a line of configuration, whole. */
export function copied(line: string): string[] {
  return [`${MARGIN}  ${printable(line)}`];
}

export function warningLines(warnings: readonly string[], look: Look): string[] {
  return warnings.flatMap((warning) => paragraph(`warning: ${warning}`, look, 'yellow'));
}

/** Names and paths may be hostile. */
function lines(words: string, { width }: Look): string[] {
  return wrap(printable(words), width - INDENT);
}

function indented(some: readonly string[]): string[] {
  return some.map((line) => MARGIN + line);
}
