import { isUtf8 } from 'node:buffer';
import type { JsonKeys, JsonShape, JsonSink } from '../../../core/config.ts';
import { formatExpiration, type Credentials, type Origin } from '../../../core/credentials.ts';
import { type Field, FIELDS } from '../../../core/fields.ts';
import { secretPlaces, SECRETS } from '../../../core/owned.ts';
import type { Format, NewFile } from '../../contract.ts';
import { textOf } from '../fields.ts';
import { applyEdits, refusal, type Edit } from '../text.ts';
import { isFollowed, placeIntoJson, type Goal } from './place.ts';
import { blanksBefore, scanDocument, type Member, type ScannedObject } from './scan.ts';

/** A whole document of a known shape, or single values in a document that is somebody else's. */
export const json: Format<JsonSink> = {
  render: (existing, credentials, { content }, origin) =>
    'shape' in content
      ? { bytes: Buffer.from(shapedDocument(content.shape, credentials, origin)), warnings: [] }
      : placeKeys(existing ?? Buffer.alloc(0), content.keys, credentials, origin),
  forget: (existing, { content }) => {
    const text = readDocument(existing);
    const root = scanDocument(text);
    if ('shape' in content) {
      // All of it is ours, unless nothing was written yet.
      const bytes = text === '{}\n' ? existing : undefined;
      return { bytes, keyIds: stringsAt(root, ['AccessKeyId']), warnings: [] };
    }
    const { keys } = content;
    const cut = cutFromObject(text, root, Object.values(keys), secretPlaces(keys));
    const isUntouched = cut.length === 0;
    const bytes = cut === 'all' ? undefined : isUntouched ? existing : Buffer.from(applyEdits(text, cut));
    return { bytes, keyIds: keys.access_key_id ? stringsAt(root, keys.access_key_id) : [], warnings: [] };
  },
};

/** The other shape has all members. */
const SHAPES: Readonly<Record<Exclude<JsonShape, 'superset'>, readonly string[]>> = {
  imds: ['Code', 'LastUpdated', 'Type', 'AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'],
  process: ['Version', 'AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration', 'AccountId'],
  container: ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration', 'AccountId'],
};

/** Laid out as the metadata service does, blanks around the colon included: some readers are made of grep and sed. */
export function shapedDocument(shape: JsonShape, credentials: Credentials, origin: Origin): string {
  const known = (field: Field): string => textOf(field, credentials, origin);
  const accountId = credentials.accountId ?? origin.accountId;
  const values = {
    Version: 1,
    Code: 'Success',
    LastUpdated: credentials.lastUpdated === undefined ? undefined : formatExpiration(credentials.lastUpdated),
    Type: 'AWS-HMAC',
    AccessKeyId: known('access_key_id'),
    SecretAccessKey: known('secret_access_key'),
    SessionToken: known('session_token'),
    Token: known('session_token'),
    Expiration: known('expiration'),
    AccountId: accountId && known('account_id'),
  };
  const members = Object.entries(values)
    .filter(([name, value]) => value !== undefined && (shape === 'superset' || SHAPES[shape].includes(name)))
    .map(([name, value]) => `  "${name}" : ${JSON.stringify(value)}`);
  return `{\n${members.join(',\n')}\n}\n`;
}

function placeKeys(existing: Buffer, keys: JsonKeys, credentials: Credentials, origin: Origin): NewFile {
  const goals = FIELDS.flatMap((field) => {
    const path = keys[field];
    if (path === undefined) return [];
    const text = textOf(field, credentials, origin);
    return [{ path, value: field.startsWith('expiration_') ? Number(text) : text, kind: kindOf(field) }];
  });
  return placeIntoJson(readDocument(existing), goals, credentials.expiration);
}

function kindOf(field: Field): Goal['kind'] {
  if (field === 'expiration') return field;
  return SECRETS.some((one) => one === field) ? 'secret' : 'other';
}

/** An empty file is one that nothing was written to yet. */
function readDocument(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw refusal('the file: expected UTF-8, got something else', 'save it as UTF-8');
  const text = bytes.toString();
  return /^\uFEFF?[ \t\r\n]*$/.test(text) ? text.replace(/[ \t\r\n]*$/, '{}\n') : text;
}

/** Keys that lead from the root to a place. */
type MemberPath = readonly string[];

/**
 * Takes single values out of an object, and the objects with them in which nothing else is; all else keeps its bytes.
 * `secrets`: the paths beside which an expiration is that of the credentials, and goes too. `all`: nothing is left.
 */
function cutFromObject(
  text: string,
  object: ScannedObject,
  paths: readonly MemberPath[],
  secrets: readonly MemberPath[],
): readonly Edit[] | 'all' {
  const { members } = object;
  const edits: Edit[] = [];
  const isBeside = members.some(({ key }) => secrets.some(([first, ...rest]) => first === key && rest.length === 0));
  const isCut = members.map((member) => {
    const inner = below(paths, member.key);
    if (inner.length === 0) return isBeside && isFollowed(text, member);
    const cut = cutFromMember(text, member, inner, below(secrets, member.key));
    if (cut !== 'all') edits.push(...cut);
    return cut === 'all';
  });
  if (!isCut.includes(true)) return edits;
  if (!isCut.includes(false) && !hasComments(text, object)) return 'all';
  const kept = { first: isCut.indexOf(false), last: isCut.lastIndexOf(false) };
  return [
    ...edits,
    ...members.flatMap((_, index) => (isCut[index] === true ? removal(text, members, kept.first, index) : [])),
    ...looseComma(members, kept.last),
  ];
}

function below(paths: readonly MemberPath[], key: string): MemberPath[] {
  return paths.filter(([first]) => first === key).map(([, ...rest]) => rest);
}

function cutFromMember(
  text: string,
  { start, value }: Member,
  paths: readonly MemberPath[],
  secrets: readonly MemberPath[],
): readonly Edit[] | 'all' {
  // We write no lists and objects in the place of a value.
  if (paths.some((path) => path.length === 0)) return /[{[]/.test(text.charAt(start)) ? [] : 'all';
  return typeof value === 'object' ? cutFromObject(text, value, paths, secrets) : [];
}

function hasComments(text: string, { start, members, close }: ScannedObject): boolean {
  const ends = [start + 1, ...members.map(({ end }) => end)];
  const starts = [...members.map(({ keyStart }) => keyStart), close];
  return ends.some((end, index) => text.slice(end, starts[index]).includes('/'));
}

/** The comma behind the last member that stays goes, unless the object had one behind its last. */
function looseComma(members: readonly Member[], last: number): readonly Edit[] {
  const comma = members[last]?.comma;
  const isLoose = comma !== undefined && last < members.length - 1 && members.at(-1)?.comma === undefined;
  return isLoose ? [{ start: comma, end: comma + 1, text: '' }] : [];
}

/** A member with the comma behind it; comments stay. `firstKept`: the first member that stays, or -1. */
function removal(text: string, members: readonly Member[], firstKept: number, index: number): readonly Edit[] {
  const [member, above, below] = [members[index], members[index - 1], members[index + 1]];
  if (member === undefined) return [];
  const { keyStart, end, comma } = member;
  const isBelowKept = firstKept >= 0 && firstKept < index;
  const start = isBelowKept && above?.comma !== undefined ? gapBefore(text, keyStart, above.comma + 1) : keyStart;
  if (comma === undefined) return [{ start, end, text: '' }];
  const stop =
    !isBelowKept && below && text.slice(comma + 1, below.keyStart).trim() === '' ? below.keyStart : comma + 1;
  if (text.slice(end, comma).trim() === '') return [{ start, end: stop, text: '' }];
  return [
    { start, end, text: '' },
    { start: comma, end: stop, text: '' },
  ];
}

/** Back to the member above; a comment between keeps the end of its line. */
function gapBefore(text: string, at: number, from: number): number {
  return text.slice(from, at).trim() === '' ? from : at - blanksBefore(text, at, from, ' \t').length;
}

/** The strings in a place: several where an object on the way has a key twice. */
function stringsAt({ members }: ScannedObject, [key, ...rest]: MemberPath): string[] {
  return members.flatMap((member) => {
    if (member.key !== key) return [];
    if (rest.length > 0) return typeof member.value === 'object' ? stringsAt(member.value, rest) : [];
    return typeof member.value === 'string' ? [member.value] : [];
  });
}
