import type { Rules } from './contract.ts';

/**
 * Our rules in the language of nft. Nothing but numbers and words of this file gets into it.
 *
 * They stand in a table of our own, so that nobody else's rules are touched. A connection is judged by the user who
 * opened its socket (skuid): on the way out, where the address is final. All ports are meant, since nothing but the
 * metadata service has these addresses; of protocols TCP alone, so that a ping still tells whether the way is open.
 * A reset is the one refusal that ends a connection at once over IPv6 and loopback too.
 *
 * The rules look at sets of addresses. In a trial these addresses have a timeout: the kernel itself takes them away,
 * and with them the effect of the rules, whatever has become of us by then.
 */
export const TABLE = 'inet credrotate_lockdown';

export interface Chain {
  readonly name: string;
  /** Unset: called by others. */
  readonly hook?: string;
  /** Each a list of statements. */
  readonly rules: readonly (readonly string[])[];
}

const ENDPOINTS = [
  { set: 'endpoints4', type: 'ipv4_addr', address: '169.254.169.254', match: 'ip daddr @endpoints4' },
  { set: 'endpoints6', type: 'ipv6_addr', address: 'fd00:ec2::254', match: 'ip6 daddr @endpoints6' },
] as const;

/** Addresses of the metadata service, by the set that holds each. */
export const ADDRESSES: Readonly<Record<string, string>> = Object.fromEntries(
  ENDPOINTS.map(({ set, address }) => [set, address]),
);

export const TCP = 'meta l4proto tcp';

/** What is forwarded has no user that the kernel knows: it belongs to processes of other network namespaces. */
export function chainsOf({ containers }: Rules): readonly Chain[] {
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
    ...ENDPOINTS.flatMap(({ set, type, address }) =>
      block(`set ${set}`, [`type ${type}; flags timeout;`, `elements = { ${address}${timeout(trial)} }`]),
    ),
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
export function confirming(): string {
  const lines = ENDPOINTS.flatMap(({ set, address }) => [
    `flush set ${TABLE} ${set}`,
    `add element ${TABLE} ${set} { ${address} }`,
  ]);
  return `${lines.join('\n')}\n`;
}

export function removing(): string {
  return `delete table ${TABLE}\n`;
}
