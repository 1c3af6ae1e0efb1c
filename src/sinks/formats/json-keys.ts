import { readString, scanDocument, scanObject } from './json-scan.ts';
import type { Member, ScannedObject } from './json-scan.ts';
import { refusal } from './refusal.ts';
import { applyEdits, lineNumberAt } from './text.ts';
import type { Edit } from './text.ts';

/** A value and the keys that lead to its place. Paths must be neither empty nor run through each other. */
export interface Goal {
  readonly path: readonly string[];
  /** Null when it is not known: what stands in its place is not to stay, but nothing is made for it. */
  readonly value: string | null;
}

export interface PlacedJson {
  readonly text: string;
  readonly warnings: readonly string[];
}

/** Puts values into their places in a JSON object; all else keeps its bytes. Throws refusals. */
export function placeIntoJson(text: string, goals: readonly Goal[]): PlacedJson {
  const file: File = { text, edits: [] };
  placeIntoObject(file, scanDocument(text), goals, { lead: '\n  ', unit: '  ', colon: ': ' });
  const { edits, duplicateAt } = file;
  const warnings =
    duplicateAt === undefined
      ? []
      : [`line ${lineNumberAt(text, duplicateAt)}: a key of ours that its object has twice: every copy was set`];
  return { text: applyEdits(text, edits), warnings };
}

interface File {
  readonly text: string;
  readonly edits: Edit[];
  /** Where the first key stands that is ours and was there before. */
  duplicateAt?: number;
}

/** How the members of an object are laid out. */
interface Style {
  /** White space before a member. */
  readonly lead: string;
  /** What one level adds to a lead that begins a line. */
  readonly unit: string;
  /** The colon with the white space around it. */
  readonly colon: string;
}

function placeIntoObject(file: File, start: number, goals: readonly Goal[], outer: Style): void {
  const object = scanObject(file.text, start);
  const style = styleOf(file.text, start, object, outer);
  const missing: Goal[] = [];
  for (const [key, inner] of byFirstKey(goals)) {
    const [member, ...copies] = object.members.filter((candidate) => candidate.key === key);
    if (member === undefined) missing.push(...goals.filter(({ path, value }) => path[0] === key && value !== null));
    else for (const copy of [member, ...copies]) placeIntoMember(file, copy, inner, style);
    if (copies[0] !== undefined) file.duplicateAt ??= copies[0].keyStart;
  }
  if (missing.length === 0) return;
  const last = object.members.at(-1);
  if (last === undefined) {
    file.edits.push({ start, end: object.close + 1, text: newObject(missing, style) });
  } else {
    const text = newMembers(missing, style).map((member) => `,${style.lead}${member}`);
    file.edits.push({ start: last.end, end: last.end, text: text.join('') });
  }
}

function placeIntoMember(file: File, member: Member, goals: readonly Goal[], style: Style): void {
  const token = file.text.slice(member.start, member.end);
  const goal = goals.find(({ path }) => path.length === 0);
  if (goal === undefined) {
    if (!token.startsWith('{')) throw misplaced(file, member, 'an object on the way to a value of ours');
    placeIntoObject(file, member.start, goals, deeper(style));
    return;
  }
  if (/^[{[]/.test(token)) throw misplaced(file, member, 'a single value');
  const current = token.startsWith('"') ? readString(token) : null;
  // An equal value keeps its spelling: another writer's, which would only spell it so again.
  if (current !== goal.value || (goal.value === null && token !== 'null')) {
    file.edits.push({ start: member.start, end: member.end, text: JSON.stringify(goal.value) });
  }
}

function newObject(goals: readonly Goal[], style: Style): string {
  const members = newMembers(goals, style).join(`,${style.lead}`);
  return isOneLine(style) ? `{${members}}` : `{${style.lead}${members}${style.lead.slice(0, -style.unit.length)}}`;
}

function newMembers(goals: readonly Goal[], style: Style): string[] {
  return Array.from(byFirstKey(goals), ([key, inner]) => {
    const goal = inner.find(({ path }) => path.length === 0);
    const value = goal === undefined ? newObject(inner, deeper(style)) : JSON.stringify(goal.value);
    return `${JSON.stringify(key)}${style.colon}${value}`;
  });
}

function byFirstKey(goals: readonly Goal[]): Map<string, Goal[]> {
  const groups = new Map<string, Goal[]>();
  for (const { path, value } of goals) {
    const [key = '', ...rest] = path;
    groups.set(key, [...(groups.get(key) ?? []), { path: rest, value }]);
  }
  return groups;
}

/** Taken from the object's last member, which new ones follow. */
function styleOf(text: string, start: number, { members, close }: ScannedObject, outer: Style): Style {
  const last = members.at(-1);
  if (last === undefined) return outer;
  const before = text.slice(members.at(-2)?.end ?? start, last.keyStart);
  const lead = before.trimStart().slice(1);
  const closing = text.slice(last.end, close);
  const unit = lead.includes('\n') && lead.startsWith(closing) ? lead.slice(closing.length) : '';
  return { lead, unit: unit || outer.unit, colon: text.slice(last.keyEnd, last.start) };
}

function deeper(style: Style): Style {
  return isOneLine(style) ? style : { ...style, lead: style.lead + style.unit };
}

function isOneLine({ lead }: Style): boolean {
  return !lead.includes('\n');
}

function misplaced(file: File, member: Member, expected: string): Error {
  return refusal(
    `line ${lineNumberAt(file.text, member.start)}: expected ${expected}, got something else`,
    'correct the keys of this sink, or the file by hand',
  );
}
