import { INSTANCE } from '../core/config.ts';
import { partitionOf, partsOfRoleArn } from '../core/region.ts';
import { didYouMean, invalid, pathText, show, warning, wrong, type Problem } from './problem.ts';
import { readDuration } from './scalars.ts';
import { entriesAt, itemsAt, textAt, type Entry, type Item, type Tree } from './tree.ts';

/** STS gives no more to the credentials of a role, which every base has. */
const LONGEST_CHAINED_MS = 3_600_000;

export function sourceRules([name, { key, tree }]: readonly [string, Entry]): Problem[] {
  const source: Item = { tree, path: pathText(['sources', name]) };
  const message = 'expected another name: this source is always there';
  return [
    ...(name === INSTANCE ? [invalid(key, { path: source.path, message, hint: 'see imds:' })] : []),
    ...tooLong(source),
    ...contradictions(source),
    ...halves(source),
    ...tooMany(source),
    ...wrongTags(source, name),
    ...unknownTags(source),
  ];
}

function tooLong(source: Item): Problem[] {
  const duration = textAt(source.tree, ['duration']);
  const isChained = textAt(source.tree, ['type']) === 'assume_role';
  if (!isChained || duration === undefined || (readDuration(duration) ?? 0) <= LONGEST_CHAINED_MS) return [];
  const message = `expected at most 1h, got ${show(duration)}: STS gives no more to the credentials of a role`;
  return wrong(source, ['duration'], message, 'leave it out: it is refreshed in time');
}

function unknownTags({ tree, path }: Item): Problem[] {
  const tags = entriesAt(tree, ['tags']).map(([tag]) => tag);
  return itemsAt(tree, ['transitive_tags']).flatMap(({ at, value }, index) => {
    if (typeof value !== 'string' || tags.includes(value)) return [];
    return [
      invalid(at, { path: `${path}.transitive_tags[${index}]`, message: `expected a key of tags, got ${show(value)}` }),
    ];
  });
}

/** A source that reads what a sink of ours writes would take its own word for ever. Sinks of other parts of a file may be beside it. */
export function sourcesOfSinks(files: readonly Tree[], sinks: readonly Item[]): Problem[] {
  const sources = files.flatMap((file) => entriesAt(file, ['sources']));
  return sources.flatMap(([name, { tree }]) => {
    const file = textAt(tree, ['type']) === 'file' ? textAt(tree, ['path']) : undefined;
    if (file === undefined) return [];
    const partOf = (one: Tree): string =>
      (textAt(one, ['format']) ?? PROFILES) === PROFILES ? (textAt(one, ['profile']) ?? 'default') : '';
    const own = sinks.find(({ tree: sink }) => textAt(sink, ['path']) === file && partOf(sink) === partOf(tree));
    if (!own) return [];
    const message = `expected a file that another program keeps, got that of ${own.path}`;
    const hint = 'name the file that comes from elsewhere, or another profile of it';
    return wrong({ tree, path: pathText(['sources', name]) }, ['path'], message, hint);
  });
}

const PROFILES = 'aws-credentials';

const MOST = { tags: 50, policy_arns: 10 };

function tooMany(source: Item): Problem[] {
  const { tree } = source;
  const counts = { tags: entriesAt(tree, ['tags']).length, policy_arns: itemsAt(tree, ['policy_arns']).length };
  return (['tags', 'policy_arns'] as const).flatMap((key) => {
    if (counts[key] <= MOST[key]) return [];
    return wrong(source, [key], `expected at most ${MOST[key]}, got ${counts[key]}: STS takes no more`);
  });
}

const TAG_KEY = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,128}$/u;

/** Keys of tags; STS ignores their case. */
function wrongTags({ tree }: Item, source: string): Problem[] {
  const seen = new Map<string, string>();
  return entriesAt(tree, ['tags']).flatMap(([tag, { key }]) => {
    const other = seen.get(tag.toLowerCase());
    seen.set(tag.toLowerCase(), tag);
    const path = pathText(['sources', source, 'tags', tag]);
    const refuse = (message: string): Problem[] => [invalid(key, { path, message })];
    if (other !== undefined) return refuse(`expected a key of its own, got ${show(tag)} like ${show(other)}`);
    if (TAG_KEY.test(tag)) return [];
    return refuse(`expected a key of 1 to 128 letters, digits, spaces and _ . : / = + - @, got ${show(tag)}`);
  });
}

/** Compares the ARN with the settings beside it. A malformed one is the schema's to refuse. */
function contradictions(source: Item): Problem[] {
  const { tree } = source;
  const { partition, accountId } = partsOfRoleArn(textAt(tree, ['role_arn']) ?? '');
  const claims = [
    { key: 'region', claim: partitionOf(textAt(tree, ['region']) ?? '')?.name, stated: partition },
    { key: 'expect_account', claim: textAt(tree, ['expect_account']), stated: accountId },
  ];
  return claims.flatMap(({ key, claim, stated }) => {
    if (claim === undefined || stated === '' || claim === stated) return [];
    const what = key === 'region' ? 'a region of the partition' : 'the account';
    const message = `expected ${what} of role_arn, ${stated}, got ${key === 'region' ? `one of ${claim}` : show(claim)}`;
    return wrong(source, [key], message, 'correct whichever is wrong');
  });
}

/** Settings that need another one, by their type: the environment must not complete what was written for something else. */
const NEEDS: Readonly<Record<string, readonly (readonly [key: string, needed: string])[]>> = {
  web_identity: [
    ['role_arn', 'token_file'],
    ['token_file', 'role_arn'],
  ],
  container: [['token_file', 'endpoint']],
};

function halves(source: Item): Problem[] {
  const { tree } = source;
  return (NEEDS[textAt(tree, ['type']) ?? ''] ?? []).flatMap(([key, needed]) => {
    if (textAt(tree, [key]) === undefined || textAt(tree, [needed]) !== undefined) return [];
    const hint = `add ${needed}, or leave out ${key}: then both are those of the environment`;
    return wrong(source, [key], `expected ${needed} beside it, got it alone`, hint);
  });
}

/** Unknown names of sources, circles, and unused sources. */
export function sourceNames(files: readonly Tree[], sinks: readonly Item[]): Problem[] {
  const sources = new Map(files.flatMap((file) => entriesAt(file, ['sources'])));
  const bases = [...sources].map(([name, { tree }]) => ({ tree, path: pathText(['sources', name]) }));
  const used = new Set([
    ...sinks.map(({ tree }) => textAt(tree, ['source'])),
    ...bases.map(({ tree }) => baseOf(tree)),
  ]);
  return [
    ...sinks.flatMap((sink) => unknownName(sink, 'source', sources)),
    ...bases.flatMap((base) => unknownName(base, 'from', sources)),
    ...[...sources].flatMap(([name, { tree }]) => circle(name, tree, sources)),
    ...[...sources].flatMap(([name, { key }]) => {
      const message = 'expected a sink, or another source, that uses it, got none: it will never be asked';
      return used.has(name) ? [] : [warning(key, { path: pathText(['sources', name]), message })];
    }),
  ];
}

type SourceEntries = ReadonlyMap<string, Entry>;

function unknownName(item: Item, setting: string, sources: SourceEntries): Problem[] {
  const name = textAt(item.tree, [setting]) ?? INSTANCE;
  if (name === INSTANCE || sources.has(name)) return [];
  const hint = didYouMean(name, [INSTANCE, ...sources.keys()]) ?? 'define it under sources, or leave this out';
  return wrong(item, [setting], `expected the name of a source, got ${show(name)}`, hint);
}

function baseOf(tree: Tree): string {
  return textAt(tree, ['from']) ?? INSTANCE;
}

/** Reported for each source of a circle. */
function circle(name: string, tree: Tree, sources: SourceEntries): Problem[] {
  const way = new Set<string>();
  for (let next = baseOf(tree); sources.has(next) && !way.has(next); next = baseOf(sources.get(next)?.tree ?? tree))
    way.add(next);
  if (!way.has(name) || name === INSTANCE) return [];
  const message = `expected a source that leads to ${INSTANCE}, got a circle: ${[...way].join(', ')}`;
  return wrong({ tree, path: pathText(['sources', name]) }, ['from'], message, 'change one of them');
}
