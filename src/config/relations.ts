import { consumerRules } from './consumer-rules.ts';
import { invalid, warning, type Problem } from './problem.ts';
import { settingsRules, type ValidatePattern } from './settings-rules.ts';
import { sharedFiles } from './shared-files.ts';
import { didYouMean, pathText, show } from './show.ts';
import { sinkRules } from './sink-rules.ts';
import { entriesAt, itemsAt, type Entry, type Part, type Tree } from './tree.ts';

/**
 * What the settings have against each other; errors and warnings. Works on what was written rather than on what the
 * schema made of it, so that a mistake in one setting hides none in another.
 */
export function checkRules(files: readonly Tree[], validatePattern: ValidatePattern): Problem[] {
  const sinks = sinksOf(files);
  const consumers = files.flatMap((file) => entriesAt(file, ['consumers']));
  return [
    ...sharedFiles(sinks),
    ...sinks.flatMap(sinkRules),
    ...consumers.flatMap(([name, { tree }]) => consumerRules({ tree, path: pathText(['consumers', name]) })),
    ...files.flatMap((file) => settingsRules(file, validatePattern)),
  ];
}

/** Names that lead nowhere, or that nobody uses. Makes sense for all files together alone. */
export function checkNames(files: readonly Tree[]): Problem[] {
  const sinks = sinksOf(files);
  const consumers = new Map(files.flatMap((file) => entriesAt(file, ['consumers'])));
  return [
    ...danglingNames(sinks, [...consumers.keys()]),
    ...unusedConsumers(sinks, consumers),
    ...wrongOrder(sinks, consumers),
    ...(sinks.length === 0 ? noSinks(files) : []),
  ];
}

function sinksOf(files: readonly Tree[]): Part[] {
  return files.flatMap((file) =>
    itemsAt(file, ['sinks']).map((tree, index) => ({ tree, path: pathText(['sinks', index]) })),
  );
}

function danglingNames(sinks: readonly Part[], known: readonly string[]): Problem[] {
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

function unusedConsumers(sinks: readonly Part[], consumers: ReadonlyMap<string, Entry>): Problem[] {
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
function wrongOrder(sinks: readonly Part[], consumers: ReadonlyMap<string, Entry>): Problem[] {
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
  if (first === undefined) return [];
  return [
    warning(first.at, { path: 'sinks', message: 'expected at least one sink, got none: nothing will be written' }),
  ];
}
