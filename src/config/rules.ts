import { isKnownEndpoint, readEndpoint } from '../core/endpoint.ts';
import { DELIMITERS, parseTemplate, placeholdersOf } from '../core/template.ts';
import { FIELDS } from '../core/fields.ts';
import { DOTENV_NAMES, REGION_NAMES, usualWhen } from './build.ts';
import { PRESETS } from './presets.ts';
import { invalid, warning, didYouMean, pathText, show, wrong, type Problem } from './problem.ts';
import { readDelimiters, readKeys, readMode } from './scalars.ts';
import { isWithin, sharedFiles } from './shared-files.ts';
import { sourceNames, sourceRules, sourcesOfSinks } from './sources.ts';
import {
  entriesAt,
  itemsAt,
  find,
  positionOf,
  textAt,
  keyPositionOf,
  type Entry,
  type Item,
  type Tree,
} from './tree.ts';

/**
 * Errors and warnings about settings that do not go together. Works on what was written rather than on what the
 * schema made of it, so that a mistake in one setting hides none in another.
 */
export function checkRules(files: readonly Tree[], validatePattern: ValidatePattern): Problem[] {
  const sinks = sinksOf(files);
  const consumers = files.flatMap((file) => entriesAt(file, ['consumers']));
  return [
    ...sharedFiles(sinks),
    ...files.flatMap((file) => entriesAt(file, ['sources'])).flatMap(sourceRules),
    ...sinks.flatMap(sinkRules),
    ...consumers.flatMap(([name, { tree }]) => consumerRules({ tree, path: pathText(['consumers', name]) })),
    ...files.flatMap((file) => [...checkSchedule(file, validatePattern), ...checkEndpoint(file)]),
  ];
}

/** Unknown and unused names. Only for all files together. */
export function checkNames(files: readonly Tree[]): Problem[] {
  const sinks = sinksOf(files);
  const consumers = new Map(files.flatMap((file) => entriesAt(file, ['consumers'])));
  return [
    ...sourceNames(files, sinks),
    ...sourcesOfSinks(files, sinks),
    ...danglingNames(sinks, [...consumers.keys()]),
    ...unusedConsumers(sinks, consumers),
    ...wrongOrder(sinks, consumers),
    ...(sinks.length === 0 ? noSinks(files) : []),
  ];
}

function sinksOf(files: readonly Tree[]): Item[] {
  return files.flatMap((file) =>
    itemsAt(file, ['sinks']).map((tree, index) => ({ tree, path: pathText(['sinks', index]) })),
  );
}

function danglingNames(sinks: readonly Item[], known: readonly string[]): Problem[] {
  return sinks.flatMap(({ tree, path }) =>
    itemsAt(tree, ['notify']).flatMap(({ at, value }, index) => {
      if (typeof value !== 'string' || known.includes(value)) return [];
      return [
        invalid(at, {
          path: `${path}.notify[${String(index)}]`,
          message: `expected the name of a consumer, got ${show(value)}`,
          hint: didYouMean(value, known) ?? 'define it under consumers, or remove it here',
        }),
      ];
    }),
  );
}

function unusedConsumers(sinks: readonly Item[], consumers: ReadonlyMap<string, Entry>): Problem[] {
  const used = new Set(sinks.flatMap(({ tree }) => itemsAt(tree, ['notify']).map(({ value }) => value)));
  return [...consumers]
    .filter(([name]) => !used.has(name))
    .map(([name, { key }]) =>
      warning(key, {
        path: pathText(['consumers', name]),
        message: 'expected a sink that notifies it, got none: it will never be notified',
      }),
    );
}

/** `after`: of other consumers of the same file, and in no circle. */
function wrongOrder(sinks: readonly Item[], consumers: ReadonlyMap<string, Entry>): Problem[] {
  const afterOf = (name: string): readonly Tree[] => itemsAt(consumers.get(name)?.tree, ['after']);
  const shared = (one: string, other: string): boolean =>
    sinks.some(({ tree }) => {
      const names = itemsAt(tree, ['notify']).map(({ value }) => value);
      return names.includes(one) && names.includes(other);
    });
  const leadsTo = (from: string, to: string): boolean => {
    const reached = new Set([from]);
    for (const name of reached) {
      for (const { value } of afterOf(name)) if (typeof value === 'string') reached.add(value);
    }
    return reached.has(to);
  };
  return [...consumers.keys()].flatMap((name) =>
    afterOf(name).flatMap(({ at, value }, index) => {
      if (typeof value !== 'string') return [];
      const path = `${pathText(['consumers', name])}.after[${String(index)}]`;
      if (!consumers.has(value) || !shared(name, value)) {
        const message = `expected another consumer of one of its files, got ${show(value)}`;
        return [invalid(at, { path, message, hint: 'correct the name, or remove it' })];
      }
      if (!leadsTo(value, name)) return [];
      const message = `expected an order, got a circle: ${show(value)} comes after ${name}`;
      return [invalid(at, { path, message, hint: 'remove one of the two' })];
    }),
  );
}

function noSinks([first]: readonly Tree[]): Problem[] {
  const message = 'expected at least one sink, got none: nothing will be written';
  return first === undefined ? [] : [warning(first.at, { path: 'sinks', message })];
}

function misplaced({ tree, path }: Item, key: string, message: string, hint: string): Problem[] {
  return [invalid(keyPositionOf(tree, [key]), { path: `${path}.${key}`, message, hint })];
}

function sinkRules(sink: Item): Problem[] {
  const format = textAt(sink.tree, ['format']);
  return [
    ...readableByOthers(sink),
    ...(format === 'json' ? [...shapeOrKeys(sink), ...overlappingKeys(sink)] : []),
    ...(format === 'dotenv' ? repeatedVariables(sink) : []),
    ...(format === 'value' ? fileOrDirectory(sink) : []),
    ...(format === 'ini' ? sectionAndKeys(sink) : []),
    ...(format === 'ini' || format === 'properties' ? [...noKeys(sink), ...repeatedKeys(sink)] : []),
    ...(format === 'template' ? templateRules(sink) : []),
  ];
}

function readableByOthers({ tree, path }: Item): Problem[] {
  const text = textAt(tree, ['mode']);
  const reading = text === undefined ? {} : readMode(text);
  if (!('value' in reading) || reading.value === 'any' || (reading.value & 0o004) === 0) return [];
  const message = `expected a mode that keeps others out, got ${show(text)}: every user of this machine can read the secret`;
  return [
    warning(positionOf(tree, ['mode']), { path: `${path}.mode`, message, hint: 'give it a group: and mode 0640' }),
  ];
}

function shapeOrKeys(sink: Item): Problem[] {
  const keys = find(sink.tree, ['keys']);
  if (!keys) return [];
  if (find(sink.tree, ['shape']))
    return wrong(sink, ['keys'], 'expected shape or keys, got both', 'remove one of the two');
  return entriesAt(keys, []).length > 0 ? [] : wrong(sink, ['keys'], 'expected at least one place, got none');
}

function fileOrDirectory(sink: Item): Problem[] {
  const [one, several] = [
    ['path', 'field'],
    ['directory', 'names'],
  ] as const;
  const has = (key: string): boolean => find(sink.tree, [key]) !== undefined;
  const surplus = several.some(has) ? one.find(has) : undefined;
  if (surplus)
    return misplaced(sink, surplus, 'expected path and field, or directory and names, got both', 'remove it');
  const isEmpty = has('names') && entriesAt(sink.tree, ['names']).length === 0;
  if (isEmpty) return wrong(sink, ['names'], 'expected at least one file, got none');
  return (several.some(has) ? several : one).flatMap((key) => (has(key) ? [] : missing(sink, key)));
}

function sectionAndKeys(sink: Item): Problem[] {
  const preset = Object.entries(PRESETS).find(([name]) => name === textAt(sink.tree, ['preset']))?.[1];
  const isSet = (key: string): boolean => find(sink.tree, [key]) !== undefined;
  return [
    ...(isSet('section') || preset?.section !== undefined ? [] : missing(sink, 'section')),
    ...(isSet('keys') || preset ? [] : missing(sink, 'keys')),
  ];
}

function noKeys(sink: Item): Problem[] {
  const keys = find(sink.tree, ['keys']);
  return keys && entriesAt(keys, []).length === 0 ? wrong(sink, ['keys'], 'expected at least one key, got none') : [];
}

/** Some readers ignore the case of a key. */
function repeatedKeys(sink: Item): Problem[] {
  const seen = new Map<string, string>();
  return entriesAt(sink.tree, ['keys']).flatMap(([field, { tree }]) => {
    const names = [tree, ...itemsAt(tree, [])].flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
    return names.flatMap((name) => {
      const other = seen.get(name.toLowerCase());
      seen.set(name.toLowerCase(), field);
      return other === undefined
        ? []
        : wrong(sink, ['keys', field], `expected a key of its own, got ${show(name)} like ${other}`);
    });
  });
}

function templateRules(sink: Item): Problem[] {
  const [text, file] = [find(sink.tree, ['template']), find(sink.tree, ['template_file'])];
  if (text && file)
    return misplaced(sink, 'template_file', 'expected template or template_file, got both', 'remove one');
  if (!text) return file ? [] : missing(sink, 'template');
  const marks = itemsAt(sink.tree, ['delimiters']).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  const delimiters = readDelimiters(marks);
  if (typeof text.value !== 'string' || (marks.length > 0 && !('value' in delimiters))) return [];
  const parsed = parseTemplate(text.value, 'value' in delimiters ? delimiters.value : DELIMITERS);
  const at = `${sink.path}.template`;
  const isInFile = text.at.line === undefined;
  const faults = parsed.faults.map(({ line, column, message }) =>
    isInFile
      ? invalid({ ...text.at, line, column }, { path: at, message })
      : invalid(text.at, { path: at, message: `line ${String(line)}, column ${String(column)} of it: ${message}` }),
  );
  if (faults.length > 0 || placeholdersOf(parsed).some(({ field }) => /^(?:secret|session)_/.test(field)))
    return faults;
  const message = 'expected a placeholder of secret_access_key or session_token, got none';
  return [invalid(text.at, { path: at, message, hint: 'write {{ secret_access_key }} where it goes' })];
}

/** Requirements that depend on other settings, which the schema cannot express. */
function missing(sink: Item, key: string): Problem[] {
  return wrong(sink, [key], 'expected it to be set, got nothing', `add ${key}:`);
}

/** Two values in one place, or one inside the other. */
function overlappingKeys(sink: Item): Problem[] {
  const places = entriesAt(sink.tree, ['keys']).flatMap(([field, { tree }]) => {
    const keys = keysOf(tree);
    return keys ? [{ field, keys }] : [];
  });
  return places.flatMap(({ field, keys }, index) => {
    const earlier = places.slice(0, index);
    const other = earlier.find((one) => isWithin(keys, one.keys) || isWithin(one.keys, keys));
    if (!other) return [];
    return wrong(
      sink,
      ['keys', field],
      `expected a place of its own, got that of ${other.field} or one inside the other`,
    );
  });
}

function keysOf(tree: Tree): readonly string[] | undefined {
  const list = itemsAt(tree, []).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  const reading = readKeys(typeof tree.value === 'string' ? tree.value : list);
  return 'value' in reading ? reading.value : undefined;
}

function repeatedVariables(sink: Item): Problem[] {
  const prefix = textAt(sink.tree, ['prefix']) ?? '';
  const usual = new Map<string, string>(Object.entries(DOTENV_NAMES));
  const regions = find(sink.tree, ['region'])?.value === true ? REGION_NAMES : [];
  const names: readonly { readonly field: string; readonly name: unknown }[] = [
    ...regions.map((name) => ({ field: 'region', name: prefix + name })),
    ...FIELDS.flatMap((field) => {
      const given = find(sink.tree, ['names', field]);
      const name = usual.get(field);
      if (given) return [{ field, name: given.value }];
      return name === undefined ? [] : [{ field, name: prefix + name }];
    }),
  ];
  return names.flatMap(({ field, name }, index) => {
    const other = names.slice(0, index).find((earlier) => earlier.name === name);
    if (!other || typeof name !== 'string') return [];
    return wrong(sink, ['names', field], `expected a variable of its own, got ${show(name)} like ${other.field}`);
  });
}

function consumerRules(consumer: Item): Problem[] {
  const type = textAt(consumer.tree, ['type']);
  return [
    ...beforeWithoutExpiring(consumer),
    ...(type === 'systemd' ? signalWithoutKill(consumer) : []),
    ...(type === 'signal' ? aTarget(consumer) : []),
  ];
}

function beforeWithoutExpiring(consumer: Item): Problem[] {
  const { tree } = consumer;
  const when = textAt(tree, ['when']) ?? usualWhen(textAt(tree, ['type']), textAt(tree, ['action']));
  if (when !== 'changed' || !find(tree, ['before'])) return [];
  const message = 'expected it with when: expiring alone, got when: changed';
  return misplaced(consumer, 'before', message, 'remove it, or add when: expiring');
}

function signalWithoutKill(consumer: Item): Problem[] {
  if (textAt(consumer.tree, ['action']) === 'kill' || !find(consumer.tree, ['signal'])) return [];
  const message = 'expected it with action: kill alone, got another action';
  return misplaced(consumer, 'signal', message, 'remove it, or add action: kill');
}

function aTarget(consumer: Item): Problem[] {
  if (['pid_file', 'process'].some((key) => find(consumer.tree, [key]))) return [];
  return wrong(consumer, [], 'expected pid_file or process, got neither');
}

/** The problem with a cron pattern and its time zone; undefined: there is none. */
export type ValidatePattern = (pattern: string, timezone: string | undefined) => string | undefined;

function checkSchedule(file: Tree, validatePattern: ValidatePattern): Problem[] {
  const path = ['refresh', 'schedule'];
  const pattern = textAt(file, path) ?? textAt(file, [...path, 'pattern']);
  const fault = pattern === undefined ? undefined : validatePattern(pattern, textAt(file, [...path, 'timezone']));
  if (fault === undefined) return [];
  const expected = 'expected a cron pattern such as "0 */6 * * *"';
  return wrong({ tree: file, path: '' }, path, `${expected}, got ${show(pattern)}: ${fault.slice(0, 120)}`);
}

function checkEndpoint(file: Tree): Problem[] {
  const path = ['imds', 'endpoint'];
  const text = textAt(file, path);
  const reading = text === undefined ? undefined : readEndpoint(text);
  if (!reading || !('value' in reading)) return [];
  const isAllowed = isKnownEndpoint(reading.value) || find(file, ['imds', 'allow_any_endpoint'])?.value === true;
  const expected = 'expected a loopback address, 169.254.169.254 or [fd00:ec2::254]';
  const hint =
    'that endpoint chooses the credentials that are written; if that is intended, add allow_any_endpoint: true';
  const message = 'expected endpoint or endpoint_mode, got both: the endpoint counts';
  const mode = find(file, ['imds', 'endpoint_mode']);
  return [
    ...(isAllowed ? [] : wrong({ tree: file, path: '' }, path, `${expected}, got ${show(reading.value)}`, hint)),
    ...(mode ? [warning(mode.at, { path: 'imds.endpoint_mode', message })] : []),
  ];
}
