import { readString, scanDocument, scanObject } from './json-scan.ts';
import type { Member } from './json-scan.ts';
import { applyEdits } from './text.ts';
import type { Edit } from './text.ts';

/** Keys that lead from the root to a place. */
type Path = readonly string[];

/**
 * Takes single values out of a JSON object, and the objects with them in which nothing else is; all else keeps its
 * bytes. Undefined: nothing is left. Throws refusals.
 */
export function cutFromJson(text: string, paths: readonly Path[]): string | undefined {
  const cut = cutFromObject(text, scanDocument(text), paths);
  return cut === 'all' ? undefined : applyEdits(text, cut);
}

/** The strings in a place: several where an object on the way has a key twice. Throws refusals. */
export function stringsAt(text: string, path: Path): string[] {
  return findStrings(text, scanDocument(text), path);
}

function cutFromObject(text: string, start: number, paths: readonly Path[]): readonly Edit[] | 'all' {
  const { members } = scanObject(text, start);
  const edits: Edit[] = [];
  const kept = members.filter((member) => {
    const inner = paths.filter(([key]) => key === member.key).map(([, ...rest]) => rest);
    const cut = cutFromMember(text, member, inner);
    if (cut === 'all') return false;
    edits.push(...cut);
    return true;
  });
  const [first] = kept;
  if (first === undefined) return members.length === 0 ? [] : 'all';
  for (const [index, member] of members.entries()) {
    if (kept.includes(member)) continue;
    const isBehindKept = member.start > first.start;
    // With the comma before it where something stays before it, else with the one behind.
    const from = isBehindKept ? members[index - 1]?.end : member.keyStart;
    const to = isBehindKept ? member.end : members[index + 1]?.keyStart;
    edits.push({ start: from ?? member.keyStart, end: to ?? member.end, text: '' });
  }
  return edits;
}

function cutFromMember(text: string, { start }: Member, paths: readonly Path[]): readonly Edit[] | 'all' {
  if (paths.some((path) => path.length === 0)) return isSingle(text, start) ? 'all' : [];
  return paths.length > 0 && text[start] === '{' ? cutFromObject(text, start, paths) : [];
}

function findStrings(text: string, start: number, [key, ...rest]: Path): string[] {
  const members = scanObject(text, start).members.filter((member) => member.key === key);
  return members.flatMap((member) => {
    if (rest.length > 0) return text[member.start] === '{' ? findStrings(text, member.start, rest) : [];
    return text[member.start] === '"' ? [readString(text.slice(member.start, member.end))] : [];
  });
}

/** We write no lists and objects in the place of a value. */
function isSingle(text: string, start: number): boolean {
  return text[start] !== '{' && text[start] !== '[';
}
