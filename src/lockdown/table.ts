import { isDeepStrictEqual } from 'node:util';
import { CONTAINER_ADDRESSES } from '../core/endpoint.ts';
import { attempt } from '../core/errors.ts';
import type { Rules } from './rules.ts';

/**
 * Our rules in the language of nft. Nothing but numbers and words of this file gets into it.
 *
 * They are in a table of our own, so that nobody else's rules are touched. A connection is judged by the user who
 * opened its socket (skuid): on the way out, where the address is final. All ports count, since nothing but the
 * metadata service has these addresses; of protocols TCP alone, so that a ping still tells whether the way is open.
 * A reset is the one refusal that ends a connection at once over IPv6 and loopback too.
 *
 * The rules look at sets of addresses. In a trial these addresses have a timeout: the kernel itself takes them away,
 * and with them the effect of the rules, whatever has become of us by then.
 */
export const TABLE = 'inet credrotate_lockdown';

interface Chain {
  readonly name: string;
  /** Unset: called by others. */
  readonly hook?: string;
  /** Each a list of statements. */
  readonly rules: readonly (readonly string[])[];
}

/** Addresses of the metadata service, and the set that holds each; those of container roles come into it too. */
const ENDPOINTS = [
  { set: 'endpoints4', type: 'ipv4_addr', address: '169.254.169.254', match: 'ip daddr @endpoints4' },
  { set: 'endpoints6', type: 'ipv6_addr', address: 'fd00:ec2::254', match: 'ip6 daddr @endpoints6' },
] as const;

type Addressed = Pick<Rules, 'addresses'>;

function inSet({ address, type }: (typeof ENDPOINTS)[number], { addresses = [] }: Addressed): readonly string[] {
  return [address, ...addresses.filter((one) => one.includes(':') === (type === 'ipv6_addr'))];
}

const TCP = 'meta l4proto tcp';

/** The kernel knows no user of forwarded traffic: it belongs to processes of other network namespaces. */
function chainsOf({ containers }: Rules): readonly Chain[] {
  const own = ENDPOINTS.map(({ match }) => [match, TCP, 'meta skuid != @users', 'jump refuse']);
  const forwarded = ENDPOINTS.map(({ match }) => [match, TCP, 'jump refuse']);
  return [
    { name: 'output', hook: hook('output'), rules: own },
    ...(containers === 'deny' ? [{ name: 'forward', hook: hook('forward'), rules: forwarded }] : []),
    // In two rules: when the set is full, the first one ends there, and the second one refuses all the same.
    { name: 'refuse', rules: [['update @refused { meta skuid }'], [TCP, 'reject with tcp reset']] },
  ];
}

function hook(name: string): string {
  return `type filter hook ${name} priority 0; policy accept;`;
}

/** How long a user stays among those who were refused, and how many are kept. */
const REFUSED = 'type uid; size 1024; flags dynamic,timeout; timeout 1d;';

/** Replaces our table by a new one, in one transaction. `trial`: milliseconds until the kernel ends it. */
export function loading(rules: Rules, trial?: number): string {
  const lines = [
    `table ${TABLE}`,
    `delete table ${TABLE}`,
    `table ${TABLE} {`,
    ...ENDPOINTS.flatMap((endpoint) => {
      const elements = inSet(endpoint, rules).map((address) => `${address}${timeout(trial)}`);
      return block(`set ${endpoint.set}`, [
        `type ${endpoint.type}; flags timeout;`,
        `elements = { ${elements.join(', ')} }`,
      ]);
    }),
    ...block('set users', ['type uid;', `elements = { ${rules.users.map(String).join(', ')} }`]),
    ...block('set refused', [REFUSED]),
    ...chainsOf(rules).flatMap((chain) =>
      block(`chain ${chain.name}`, [chain.hook ?? [], chain.rules.map((rule) => rule.join(' '))].flat(2)),
    ),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function timeout(trial: number | undefined): string {
  return trial === undefined ? '' : ` timeout ${String(Math.ceil(trial / 1000))}s`;
}

function block(head: string, lines: readonly string[]): string[] {
  return [`  ${head} {`, ...lines.map((line) => `    ${line}`), '  }'];
}

/** Makes a trial last, with the rules that are tried, in one transaction. */
export function confirming(rules: Addressed): string {
  const lines = ENDPOINTS.flatMap((endpoint) => [
    `flush set ${TABLE} ${endpoint.set}`,
    `add element ${TABLE} ${endpoint.set} { ${inSet(endpoint, rules).join(', ')} }`,
  ]);
  return `${lines.join('\n')}\n`;
}

export function removing(): string {
  return `delete table ${TABLE}\n`;
}

export interface Table {
  /** Undefined where the rules are not ours any more. */
  readonly rules?: Rules;
  /** `ended`: a trial is over, and the rules have no effect. */
  readonly effect: 'lasting' | 'trial' | 'ended';
  /** Of a trial: milliseconds that are left. */
  readonly leftMs?: number;
  readonly refused: readonly number[];
}

/** Reads what nft lists. Undefined where it is nothing that nft would say. */
export function parseTable(listing: string): Table | undefined {
  const objects = parseObjects(listing);
  if (!objects?.some(({ table }) => isRecord(table))) return undefined;
  const sets = new Map(objects.flatMap(({ set }) => (isRecord(set) ? [[String(set['name']), elements(set)]] : [])));
  const closed = ENDPOINTS.flatMap(({ set }) => sets.get(set) ?? []);
  const rules = rulesOf(objects, sets, closed);
  const lefts = closed.flatMap(({ leftMs }) => leftMs ?? []);
  return {
    ...(rules && { rules }),
    effect: closed.length === 0 ? 'ended' : lefts.length > 0 ? 'trial' : 'lasting',
    ...(lefts.length > 0 && { leftMs: Math.min(...lefts) }),
    refused: (sets.get('refused') ?? []).flatMap(({ value }) => (isId(value) ? [value] : [])),
  };
}

type Json = Readonly<Record<string, unknown>>;

function parseObjects(listing: string): Json[] | undefined {
  const root: unknown = attempt(() => JSON.parse(listing) as unknown, undefined);
  const objects: unknown = isRecord(root) ? root['nftables'] : undefined;
  return Array.isArray(objects) ? objects.filter(isRecord) : undefined;
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

interface SetElement {
  readonly value: unknown;
  readonly leftMs?: number;
}

/** An element with a timeout is an object of its own. */
function elements(set: Json): SetElement[] {
  const all: unknown = set['elem'];
  return (Array.isArray(all) ? all : []).map((element: unknown) => {
    const inner: unknown = isRecord(element) ? element['elem'] : undefined;
    if (!isRecord(inner)) return { value: element };
    const left: unknown = inner['expires'];
    return { value: inner['val'], ...(typeof left === 'number' && { leftMs: left * 1000 }) };
  });
}

/** The rules, if the table holds exactly the statements that we would load for them. */
function rulesOf(
  objects: readonly Json[],
  sets: ReadonlyMap<string, readonly SetElement[]>,
  closed: readonly SetElement[],
): Rules | undefined {
  // The kernel takes all addresses away. If one alone is missing, or is none of ours, that was somebody else.
  const own: readonly string[] = ENDPOINTS.map(({ address }) => address);
  const there = closed.map(({ value }) => String(value));
  const addresses = CONTAINER_ADDRESSES.filter((address) => there.includes(address));
  const isWhole = isDeepStrictEqual(new Set(there), new Set([...own, ...addresses]));
  if (there.length > 0 && !isWhole) return undefined;
  const values = (sets.get('users') ?? []).map(({ value }) => value);
  const isOff = objects.some(({ table }) => isRecord(table) && 'flags' in table);
  if (!values.every(isId) || isOff) return undefined;
  const chains = objects.flatMap(({ chain }) => (isRecord(chain) ? [toChain(chain, objects)] : []));
  const containers = chains.some(({ name }) => name === 'forward') ? 'deny' : 'allow';
  const users = values.toSorted((a, b) => a - b);
  const rules: Rules = { users, containers, ...(addresses.length > 0 && { addresses }) };
  return isDeepStrictEqual(chains.map(essence), chainsOf(rules).map(essence)) ? rules : undefined;
}

/** Some versions of nft leave out that a reset is TCP's, which goes without saying. */
function essence({ rules, ...rest }: Chain): Chain {
  return { ...rest, rules: rules.map((rule) => rule.filter((statement) => statement !== TCP)) };
}

function toChain({ name, type, hook, prio, policy }: Json, objects: readonly Json[]): Chain {
  const rules = objects.flatMap(({ rule }) => (isRecord(rule) && rule['chain'] === name ? [statements(rule)] : []));
  const head = `type ${String(type)} hook ${String(hook)} priority ${String(prio)}; policy ${String(policy)};`;
  return { name: String(name), ...(hook !== undefined && { hook: head }), rules };
}

function statements(rule: Json): string[] {
  const all: unknown = rule['expr'];
  return (Array.isArray(all) ? all : []).filter(isRecord).map(toText);
}

/** A statement as we write it; any other as JSON. */
function toText(statement: Json): string {
  const { match, set, jump, reject } = statement;
  if (isRecord(match)) return matchText(match);
  if (isRecord(set)) return `${String(set['op'])} ${String(set['set'])} { ${operand(set['elem'])} }`;
  if (isRecord(jump)) return `jump ${String(jump['target'])}`;
  if (isRecord(reject)) return `reject with ${String(reject['type'])}`;
  return JSON.stringify(statement);
}

/** With --numeric, TCP is 6 to some versions. */
function matchText({ op, left, right }: Json): string {
  const text = [operand(left), ...(op === '==' ? [] : [String(op)]), operand(right)].join(' ');
  return text === 'meta l4proto 6' ? TCP : text;
}

function operand(value: unknown): string {
  const { meta, payload } = isRecord(value) ? value : {};
  if (isRecord(meta)) return `meta ${String(meta['key'])}`;
  if (isRecord(payload)) return `${String(payload['protocol'])} ${String(payload['field'])}`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
