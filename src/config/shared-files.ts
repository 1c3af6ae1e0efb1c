import * as v from 'valibot';
import type { JsonKeys, JsonSink, SinkConfig } from '../core/config.ts';
import { isExpirationMember, ownVariables, secretPlaces } from '../core/owned.ts';
import { octal } from '../core/printable.ts';
import { idOf, keyOf } from '../core/sink-id.ts';
import { buildSinks } from './build.ts';
import { invalid, positionText, type Problem, show } from './problem.ts';
import { readPath } from './scalars.ts';
import { sink as schema } from './sink-schema.ts';
import { entriesAt, type Item, type SettingPath, positionOf, plain, textAt, type Tree } from './tree.ts';

/** Sinks of one file must own different parts of it, and want the same owner and mode. */
export function sharedFiles(sinks: readonly Item[]): Problem[] {
  const files = Map.groupBy(
    sinks.flatMap((part) => pathsOf(part.tree).map((file): Filed => ({ ...part, file }))),
    ({ file }) => file,
  );
  return [...files.values()].flatMap((parts) => [
    ...(parts.length < 2 ? [] : conflicts(parts)),
    ...parts.flatMap((part) => namesakes(part, files)),
  ]);
}

interface Filed extends Item {
  readonly file: string;
}

/** A path may end in what a part of another file is called, and the state knows both by the same text. */
function namesakes(part: Filed, files: ReadonlyMap<string, readonly Filed[]>): Problem[] {
  const { tree, path: at, file } = part;
  const others = [...file.matchAll(/ /g)].flatMap(({ index }) => files.get(file.slice(0, index)) ?? []);
  const sink = others.length > 0 && built(part);
  const other = sink && others.find((one) => idIn(one) === idOf(sink));
  if (!other) return [];
  const there = positionText(positionOf(other.tree, ['path']));
  const message = `expected a path that names no other sink, got ${show(idOf(sink))}, as at ${there}`;
  return [invalid(positionOf(tree, ['path']), { path: `${at}.path`, message, hint: 'choose another path' })];
}

function idIn(part: Filed): string | undefined {
  const sink = built(part);
  return sink && idOf(sink);
}

function built({ tree, file }: Filed): SinkConfig | undefined {
  const parsed = v.safeParse(schema, plain(tree));
  return parsed.success ? buildSinks(parsed.output).find(({ path }) => path === file) : undefined;
}

function pathsOf(tree: Tree): readonly string[] {
  const names = entriesAt(tree, ['names']).map(([, { tree: name }]) => textAt(name, []) ?? '');
  const directory = textAt(tree, ['directory']);
  const texts = directory === undefined ? [textAt(tree, ['path']) ?? ''] : names.map((name) => `${directory}/${name}`);
  return texts.map(readPath).flatMap((reading) => ('value' in reading ? [reading.value] : []));
}

/** Conflicts of each sink with the first one before it. Other checks report a sink that is wrong by itself. */
function conflicts(parts: readonly Filed[]): Problem[] {
  const sinks = parts.map(built);
  return parts.flatMap(({ tree, path }, index) => {
    const sink = sinks[index];
    for (const [before, other] of sinks.slice(0, index).entries()) {
      const conflict = sink && other && conflictOf(sink, other);
      if (!conflict) continue;
      const { setting, expected, got } = conflict;
      const there = positionText(positionOf(parts[before]?.tree ?? tree, ['path']));
      const message = `expected ${expected}, got ${got} ${there}`;
      return [invalid(positionOf(tree, setting), { path: [path, ...setting].join('.'), message, hint: HINT })];
    }
    return [];
  });
}

const HINT =
  'sinks of one file differ in profile, section, prefix, names or keys, and are alike in format, owner, group and mode';

interface Conflict {
  readonly setting: SettingPath;
  readonly expected: string;
  /** Before the place of the other. */
  readonly got: string;
}

function conflictOf(own: SinkConfig, other: SinkConfig): Conflict | undefined {
  if ([own, other].some((sink) => keyOf(sink).part === undefined)) return A_FILE;
  const shared = sharedPart(own, other);
  if (shared) return shared;
  const setting = (['owner', 'group', 'mode'] as const).find((name) => own[name] !== other[name]);
  if (setting === undefined) return undefined;
  const value = (sink: SinkConfig): string =>
    setting === 'mode' ? octal(sink.mode) : sink[setting] === undefined ? 'none' : show(sink[setting]);
  return { setting: [setting], expected: `one ${setting} for one file`, got: `${value(own)}, and ${value(other)} at` };
}

const A_FILE: Conflict = { setting: ['path'], expected: 'a file of its own', got: 'that of' };

/** Values that both would write or remove. */
function sharedPart(own: SinkConfig, other: SinkConfig): Conflict | undefined {
  if (own.format === 'json' && other.format === 'json') return sharedKeys(own.content, other.content);
  const [mine, theirs] = [claimOf(own), claimOf(other)];
  if (own.format !== other.format || !mine || !theirs) return A_FILE;
  const shared = mine.names.find((name) => theirs.names.includes(name));
  if (shared === undefined) return undefined;
  const { setting, expected, isWhole } = mine;
  return { setting, expected, got: isWhole ? `${show(shared)} as at` : `${String(shared)}, one of` };
}

interface Claim {
  readonly setting: SettingPath;
  readonly expected: string;
  readonly names: readonly (string | null)[];
  /** Its one name is the whole claim. */
  readonly isWhole?: true;
}

/** The part of its file that a sink owns; undefined: all of it. */
function claimOf(sink: SinkConfig): Claim | undefined {
  switch (sink.format) {
    case 'aws-credentials':
      return { setting: ['profile'], expected: 'a profile of its own', names: [sink.profile], isWhole: true };
    case 'ini':
      return { setting: ['section'], expected: 'a section of its own', names: [sink.section], isWhole: true };
    case 'dotenv':
      return { setting: ['path'], expected: 'variables of its own', names: [...ownVariables(sink)] };
    case 'properties':
      return { setting: ['keys'], expected: 'keys of its own', names: sink.keys.map(({ key }) => key) };
    default:
      return undefined;
  }
}

function sharedKeys(own: JsonSink['content'], other: JsonSink['content']): Conflict | undefined {
  if ('shape' in own || 'shape' in other) return A_FILE;
  const place = sharedPlace(own.keys, other.keys) ?? sharedPlace(other.keys, own.keys);
  return place && { setting: ['keys'], expected: 'places of its own', got: `${place.join('.')} beside those of` };
}

export function isWithin(inner: readonly string[], outer: readonly string[]): boolean {
  return outer.every((key, index) => inner[index] === key);
}

/** A place in or around a place of the other sink, or an expiration beside its secrets, to which it belongs. */
function sharedPlace(own: JsonKeys, other: JsonKeys): readonly string[] | undefined {
  const parents = secretPlaces(other).map((place) => place.slice(0, -1));
  const isBeside = (place: readonly string[]): boolean =>
    parents.some((parent) => parent.length === place.length - 1 && isWithin(place, parent));
  return (
    Object.values(own).find((place) => Object.values(other).some((outer) => isWithin(place, outer))) ??
    Object.values(own).find((place) => isBeside(place) && isExpirationMember(place.at(-1) ?? '')) ??
    secretPlaces(own).find(isBeside)
  );
}
