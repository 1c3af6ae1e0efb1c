import { isExpirationMember } from '../../../core/owned.ts';
import type { NewFile } from '../../contract.ts';
import { applyEdits, followed, lineNumberAt, refusal, type Edit } from '../text.ts';
import { blanksBefore, scanDocument, type Member, type ScannedObject } from './scan.ts';

/** A value and the keys that lead to its place. Paths must be neither empty nor run through each other. */
export interface Goal {
  readonly path: readonly string[];
  readonly value: string | number;
  /** An expiration keeps its form; one beside a secret is that of the credentials. */
  readonly kind: 'secret' | 'expiration' | 'other';
}

/** Puts values into their places in a JSON object; all else keeps its bytes. Throws refusals. */
export function placeIntoJson(text: string, goals: readonly Goal[], expiration: number): NewFile {
  const file: JsonFile = { text, expiration, edits: [], copies: [] };
  placeIntoObject(file, scanDocument(text), goals, { lead: '\n  ', unit: '  ', colon: ': ' });
  const warnings = file.copies
    .slice(0, 1)
    .map(
      ({ keyStart }) =>
        `line ${lineNumberAt(text, keyStart)}: a key of ours that its object has twice: every copy was set`,
    );
  return { bytes: Buffer.from(applyEdits(text, file.edits)), warnings };
}

interface JsonFile {
  readonly text: string;
  /** Epoch milliseconds. */
  readonly expiration: number;
  readonly edits: Edit[];
  /** Members with a key of ours that their object has had before. */
  readonly copies: Member[];
}

function placeIntoObject(file: JsonFile, object: ScannedObject, goals: readonly Goal[], outer: MemberStyle): void {
  const style = styleOf(file.text, object, outer);
  const groups = byFirstKey(goals);
  const missing = new Map(groups);
  const hasSecret = goals.some(({ path, kind }) => path.length === 1 && kind === 'secret');
  for (const member of object.members) {
    const inner = groups.get(member.key);
    if (inner === undefined) {
      if (hasSecret && isFollowed(file.text, member)) set(file, member, follow(file, member));
      continue;
    }
    if (!missing.delete(member.key)) countCopy(file, member);
    placeIntoMember(file, member, inner, style);
  }
  addMembers(file, object, [...missing], style);
}

/** Whether a member, beside credentials, is when they end. */
export function isFollowed(text: string, member: Member): boolean {
  return isExpirationMember(member.key) && isMoment(existingText(text, member));
}

function isMoment(value: string): boolean {
  return /^(?:\d{4}-\d\d-\d\d|[\d.]+$)/.test(value) && followed(value, 0) !== undefined;
}

function existingText(text: string, { start, end, value }: Member): string {
  return typeof value === 'string' ? value : text.slice(start, end);
}

/** The expiration as a token of the existing kind. */
function follow({ text, expiration }: JsonFile, member: Member): string {
  const value = followed(existingText(text, member), expiration) ?? '';
  return typeof member.value === 'string' ? JSON.stringify(value) : value;
}

/** Copies of one object that each take our values could make a file many times as large. */
const MAX_COPIES = 16;

function countCopy(file: JsonFile, member: Member): void {
  file.copies.push(member);
  if (file.copies.length >= MAX_COPIES) throw misplaced(file, member, `at most ${MAX_COPIES} copies of a key of ours`);
}

function placeIntoMember(file: JsonFile, member: Member, goals: readonly Goal[], style: MemberStyle): void {
  const token = file.text.slice(member.start, member.end);
  const goal = goals.find(({ path }) => path.length === 0);
  if (goal === undefined) {
    if (typeof member.value === 'object') placeIntoObject(file, member.value, goals, deeper(style));
    else if (token !== 'null') throw misplaced(file, member, 'an object on the way to a value of ours');
    else set(file, member, newObject(byFirstKey(goals), deeper(style)));
    return;
  }
  if (/^[{[]/.test(token)) throw misplaced(file, member, 'a single value');
  if (goal.kind === 'expiration' && isMoment(existingText(file.text, member))) set(file, member, follow(file, member));
  else set(file, member, JSON.stringify(goal.value));
}

/** An equal value keeps its spelling: another writer's, which would only spell it so again. */
function set(file: JsonFile, { start, end, value }: Member, token: string): void {
  const isEqual = typeof value === 'string' ? JSON.stringify(value) === token : file.text.slice(start, end) === token;
  if (!isEqual) file.edits.push({ start, end, text: token });
}

type Groups = readonly (readonly [key: string, goals: readonly Goal[]])[];

function addMembers(
  file: JsonFile,
  { members, start, close }: ScannedObject,
  groups: Groups,
  style: MemberStyle,
): void {
  if (groups.length === 0) return;
  const last = members.at(-1);
  const added = newMembers(groups, style)
    .map((member) => style.lead + member)
    .join(',');
  if (last !== undefined) {
    const comma = last.comma === undefined ? ',' : '';
    const end = afterComment(file.text, last.comma === undefined ? last.end : last.comma + 1, style);
    const text = added + (comma === '' ? ',' : '');
    file.edits.push({ start: last.end, end: last.end, text: comma }, { start: end, end, text });
  } else if (file.text.slice(start + 1, close).trim() === '') {
    file.edits.push({ start, end: close + 1, text: newObject(new Map(groups), style) });
  } else {
    // Comments alone.
    file.edits.push({ start: start + 1, end: start + 1, text: added });
  }
}

function newObject(groups: ReadonlyMap<string, readonly Goal[]>, style: MemberStyle): string {
  const members = newMembers([...groups], style).join(`,${style.lead}`);
  return isOneLine(style) ? `{${members}}` : `{${style.lead}${members}${style.lead.slice(0, -style.unit.length)}}`;
}

function newMembers(groups: Groups, style: MemberStyle): string[] {
  return groups.map(([key, goals]) => {
    const goal = goals.find(({ path }) => path.length === 0);
    const value = goal === undefined ? newObject(byFirstKey(goals), deeper(style)) : JSON.stringify(goal.value);
    return `${JSON.stringify(key)}${style.colon}${value}`;
  });
}

function byFirstKey(goals: readonly Goal[]): Map<string, Goal[]> {
  const groups = new Map<string, Goal[]>();
  for (const goal of goals) {
    const [key = '', ...path] = goal.path;
    groups.set(key, [...(groups.get(key) ?? []), { ...goal, path }]);
  }
  return groups;
}

function misplaced(file: JsonFile, member: Member, expected: string): Error {
  return refusal(
    `line ${lineNumberAt(file.text, member.start)}: expected ${expected}, got something else`,
    'correct the keys of this sink, or the file by hand',
  );
}

/** How the members of an object are laid out. */
interface MemberStyle {
  /** White space before a member. */
  readonly lead: string;
  /** The addition of each level to a lead that begins a line. */
  readonly unit: string;
  /** The colon with the white space around it. */
  readonly colon: string;
}

/** Taken from the object's last member, which new ones follow. */
function styleOf(text: string, { start, members, close }: ScannedObject, outer: MemberStyle): MemberStyle {
  const last = members.at(-1);
  if (last === undefined) return outer;
  const lead = blanksBefore(text, last.keyStart, start + 1).replace(/^[ \t]+(?=[\r\n])/, '');
  const closing = blanksBefore(text, close, last.end);
  const unit = lead.includes('\n') && lead.startsWith(closing) ? lead.slice(closing.length) : '';
  const colon = text.slice(last.keyEnd, last.start);
  return { lead, unit: unit || outer.unit, colon: colon.includes('/') ? outer.colon : colon };
}

function deeper(style: MemberStyle): MemberStyle {
  return isOneLine(style) ? style : { ...style, lead: style.lead + style.unit };
}

function isOneLine({ lead }: MemberStyle): boolean {
  return !lead.includes('\n');
}

/** Past a comment that ends the line: it belongs to the member before it. */
function afterComment(text: string, at: number, style: MemberStyle): number {
  const comment = /[ \t]*(?:\/\*[^\r\n]*?\*\/|\/\/[^\r\n]*)(?=\r?\n)/y;
  comment.lastIndex = at;
  return !isOneLine(style) && comment.test(text) ? comment.lastIndex : at;
}
