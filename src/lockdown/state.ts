import { isDeepStrictEqual } from 'node:util';
import type { LockdownConfig } from '../core/config.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { systemctl } from '../host/systemctl.ts';
import type { LockdownDeps, LockdownState, Rules } from './contract.ts';
import { resolveRules, type Resolved } from './rules.ts';
import { parseTable, type Table } from './table.ts';
import { list } from './nft.ts';

export const UNIT = 'credrotate-lockdown.service';

/** Compares the rules that are loaded with those of the configuration. Never rejects. */
export async function readLockdown(deps: LockdownDeps, wish: LockdownConfig): Promise<LockdownState> {
  try {
    const table = await readTable(deps);
    if (table) return judge(table, await resolveRules(deps, wish));
    return await judgeAbsence(deps);
  } catch (error) {
    const { message, hint } = toErrorInfo(error);
    return { state: 'unknown', reason: hint === undefined ? message : `${message} (${hint})`, refused: [] };
  }
}

/** Where the unit is to have the rules loaded, somebody counts on them. */
async function judgeAbsence(deps: LockdownDeps): Promise<LockdownState> {
  if (await asksUnit(deps, 'is-active')) return { state: 'drifted', reason: FLUSHED, refused: [] };
  if (await asksUnit(deps, 'is-enabled')) return { state: 'drifted', reason: STOPPED, refused: [] };
  return { state: 'off', refused: [] };
}

const FLUSHED = `${UNIT} is active, but its table is gone: something flushed the ruleset`;
const STOPPED = `${UNIT} is enabled, but not active: it was stopped, or it failed`;

/** Undefined when it is not loaded. */
export async function readTable(deps: LockdownDeps): Promise<Table | undefined> {
  const listing = await list(deps);
  if (listing === undefined) return undefined;
  const table = parseTable(listing);
  if (table) return table;
  throw new AgentError('LOCKDOWN_FAILED', 'nft: expected a table as JSON, got something else', {
    hint: 'see what it says: nft --json list table inet credrotate_lockdown',
  });
}

/** A trial may differ from the configuration: that is what it is for. What lasts must not. */
function judge({ rules, effect, left, refused }: Table, { rules: wanted, leftOut }: Resolved): LockdownState {
  if (effect === 'ended') return { state: 'off', reason: 'the trial is over, and was not confirmed', refused };
  if (!rules) return { state: 'drifted', reason: 'somebody changed the rules of our table', refused };
  if (effect === 'trial') return { state: 'on', rules, refused, ...(left !== undefined && { rollbackIn: left }) };
  const reason = difference(rules, wanted);
  if (reason !== undefined) return { state: 'drifted', reason, rules, refused };
  const [first] = leftOut;
  return { state: 'on', ...(first && { reason: leftOut.map(({ message }) => message).join('; ') }), rules, refused };
}

function difference(rules: Rules, wanted: Rules): string | undefined {
  if (isDeepStrictEqual(rules, wanted)) return undefined;
  const extra = rules.users.filter((id) => !wanted.users.includes(id));
  const lacking = wanted.users.filter((id) => !rules.users.includes(id));
  const parts = [
    ...(extra.length > 0 ? [`allows ${extra.join(', ')}`] : []),
    ...(lacking.length > 0 ? [`does not allow ${lacking.join(', ')}`] : []),
    ...(rules.containers === wanted.containers ? [] : [`has containers: ${rules.containers}`]),
  ];
  return `the table ${parts.join(' and ')}, unlike the configuration`;
}

/** Milliseconds. */
const TIMEOUT = 20_000;

/** `is-active`: whether the unit has loaded the rules; `is-enabled`: whether it will at the next boot. */
export async function asksUnit(deps: LockdownDeps, question: 'is-active' | 'is-enabled'): Promise<boolean> {
  const asked = systemctl(deps, ['--quiet', question, UNIT], { timeout: TIMEOUT });
  return await asked.then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}
