import * as v from 'valibot';
import { oneOf } from './problem.ts';
import {
  DURATION,
  readArgument,
  REFUSED,
  readDuration,
  readMode,
  readOwner,
  readPath,
  type Mode,
  type Reading,
} from './scalars.ts';

/**
 * The pieces of the schema. The message of an issue is what was expected, with a hint in a line of its own; that of an
 * unknown key is the list of the known ones.
 */
export function expectation(expected: string, hint?: string): string {
  return hint === undefined ? expected : `${expected}\n${hint}`;
}

/** A setting that may be left out. The description is for editors; the default is written as in YAML. */
export function option<I, O>(
  description: string,
  schema: v.GenericSchema<I, O>,
): v.ExactOptionalSchema<v.GenericSchema<I, O>, undefined>;
export function option<I, O, const D extends I>(
  description: string,
  schema: v.GenericSchema<I, O>,
  standard: D,
): v.ExactOptionalSchema<v.GenericSchema<I, O>, D>;
export function option<I, O>(
  description: string,
  schema: v.GenericSchema<I, O>,
  standard?: I,
): v.ExactOptionalSchema<v.GenericSchema<I, O>, I | undefined> {
  return v.exactOptional(v.pipe(schema, v.description(description)), standard);
}

export function required<I, O>(description: string, schema: v.GenericSchema<I, O>): v.GenericSchema<I, O> {
  return v.pipe(schema, v.description(description));
}

/** Named settings. Unlike valibot's own strict object it reports every unknown key, and takes no list for an object. */
export function mapping<const E extends v.ObjectEntries>(entries: E): v.StrictObjectSchema<E, undefined> {
  const unknownKey = v.never(Object.keys(entries).join(' '));
  const schema = v.objectWithRest(entries, unknownKey, expectation('keys and values'));
  // The type that it is for values: the rest, of type never, would make every key one.
  return withoutLists(schema) as unknown as v.StrictObjectSchema<E, undefined>;
}

/** The names of settings, with whatever values. */
export function unchecked(...entries: readonly v.ObjectEntries[]): v.ObjectEntries {
  const names = entries.flatMap((some) => Object.keys(some));
  return Object.fromEntries(names.map((name) => [name, v.optional(v.unknown())]));
}

/** For valibot a list is an object too. */
export function withoutLists<S extends v.GenericSchema>(schema: S): S {
  return {
    ...schema,
    '~run': (dataset, config) =>
      schema['~run'](Array.isArray(dataset.value) ? { ...dataset, value: undefined } : dataset, config),
  };
}

/** Additions to the type in the JSON Schema; the reading decides. */
type JsonSchema = Readonly<Record<string, unknown>>;

/** YAML takes some texts for numbers or booleans. */
export function quote(got: unknown): string | undefined {
  const isBare = typeof got === 'number' || typeof got === 'boolean';
  return isBare ? `put it in quotes if you mean it: "${String(got)}"` : undefined;
}

export function text<T>(
  expected: string,
  read: (text: string) => Reading<T>,
  jsonSchema: JsonSchema = {},
  hint: (otherThanText: unknown) => string | undefined = () => undefined,
): v.GenericSchema<string, T> {
  const isText = v.string(({ input }) => expectation(expected, hint(input)));
  return v.pipe(isText, v.metadata(jsonSchema), reading(expected, read));
}

/** A step of a pipe that reads a value, or says why it cannot. */
export function reading<I, T>(expected: string, read: (value: I) => Reading<T>): v.RawTransformAction<I, T> {
  return v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const result = read(dataset.value);
    if ('value' in result) return result.value;
    addIssue({ message: expectation(result.expected ?? expected, result.hint) });
    return NEVER;
  });
}

export function word(expected: string, pattern: RegExp): v.GenericSchema<string, string> {
  return text(expected, (got) => (pattern.test(got) ? { value: got } : REFUSED), { pattern: pattern.source }, quote);
}

export const name = word('a name of letters, digits and . _ -', /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);

export function choice<const C extends readonly string[]>(...choices: C): v.PicklistSchema<C, string> {
  return v.picklist(choices, expectation(oneOf(choices)));
}

/** A list of names, with a hint for a single name that is written as a text. */
export function listOf<S extends v.GenericSchema>(item: S, what: string, example: string): v.ArraySchema<S, string> {
  return v.array(item, expectation(`a list of ${what}`, `put the name in brackets: [${example}]`));
}

export const flag: v.GenericSchema<boolean> = v.boolean(({ input }) =>
  expectation('true or false', typeof input === 'string' ? 'write true or false, without quotes' : undefined),
);

/** Milliseconds. The limits are inclusive, and written as in YAML. */
export function duration(shortest: string, longest: string): v.GenericSchema<string, number> {
  const [least = 0, most = 0] = [shortest, longest].map(readDuration);
  const example = 'a duration such as 90s, 5m or 2h30m';
  const read = (got: string): Reading<number> => {
    const value = readDuration(got);
    if (value === undefined) return /^\d+$/.test(got) ? { hint: addUnit(got) } : REFUSED;
    return value >= least && value <= most ? { value } : { expected: `a duration from ${shortest} to ${longest}` };
  };
  return text(example, read, { pattern: DURATION.source }, (got) =>
    typeof got === 'number' ? addUnit(got) : undefined,
  );
}

function addUnit(count: string | number): string {
  return `add the unit: ${String(count)}s`;
}

export const path: v.GenericSchema<string, string> = text('an absolute path', readPath, { pattern: '^/' });

/** YAML sees a number in 0640 or 0o640; the loader hands on its digits. */
export const mode: v.GenericSchema<string, Mode> = text('permission bits such as 0600 or 0640', readMode, {
  type: ['string', 'integer'],
  pattern: '^((0o|0*)[0-7]{3}|any)$',
  minimum: 0o400,
  maximum: 777,
});

const OWNER = 'a name or a numeric id';

export const owner: v.GenericSchema<string | number, string | number> = v.pipe(
  v.union([v.string(), v.pipe(v.number(), v.integer(expectation(OWNER)))], expectation(OWNER)),
  reading(OWNER, readOwner),
);

const COMMAND = 'a list of program and arguments';

export const command = v.tupleWithRest([path], text('text', readArgument, {}, quote), ({ input }) =>
  expectation(COMMAND, commandHint(input)),
);

function commandHint(input: unknown): string {
  const shell = 'there is no shell: [/bin/sh, -c, "…"] runs one';
  if (typeof input !== 'string' || /[^\w\s./:=@%+,-]/.test(input) || input.length > 60) return shell;
  return `write ${JSON.stringify(input.trim().split(/\s+/)).replaceAll('","', '", "')}`;
}
