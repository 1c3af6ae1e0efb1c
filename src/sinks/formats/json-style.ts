import type { ScannedObject } from './json-scan.ts';

/** How the members of an object are laid out. */
export interface Style {
  /** White space before a member. */
  readonly lead: string;
  /** What one level adds to a lead that begins a line. */
  readonly unit: string;
  /** The colon with the white space around it. */
  readonly colon: string;
}

/** Taken from the object's last member, which new ones follow. */
export function styleOf(text: string, { start, members, close }: ScannedObject, outer: Style): Style {
  const last = members.at(-1);
  if (last === undefined) return outer;
  const lead = blanksBefore(text, last.keyStart, start + 1).replace(/^[ \t]+(?=[\r\n])/, '');
  const closing = blanksBefore(text, close, last.end);
  const unit = lead.includes('\n') && lead.startsWith(closing) ? lead.slice(closing.length) : '';
  const colon = text.slice(last.keyEnd, last.start);
  return { lead, unit: unit || outer.unit, colon: colon.includes('/') ? outer.colon : colon };
}

function blanksBefore(text: string, at: number, from: number): string {
  let start = at;
  while (start > from && ' \t\r\n'.includes(text.charAt(start - 1))) start--;
  return text.slice(start, at);
}

export function deeper(style: Style): Style {
  return isOneLine(style) ? style : { ...style, lead: style.lead + style.unit };
}

export function isOneLine({ lead }: Style): boolean {
  return !lead.includes('\n');
}

/** Past a comment that ends the line: it speaks of what stands before it. */
export function afterComment(text: string, at: number, style: Style): number {
  const comment = /[ \t]*(?:\/\*[^\r\n]*?\*\/|\/\/[^\r\n]*)(?=\r?\n)/y;
  comment.lastIndex = at;
  return !isOneLine(style) && comment.test(text) ? comment.lastIndex : at;
}
