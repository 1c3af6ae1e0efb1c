import { isDeepStrictEqual } from 'node:util';
import type { LockdownConfig } from '../core/config.ts';
import type { CommandResult } from '../core/contracts.ts';
import { AgentError, toErrorInfo, describeForeign, isErrno } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { systemctl, runTool } from '../host/tool.ts';
import { resolveRules, type LockdownDeps, type LockdownState, type Rules, type Resolved } from './rules.ts';
import { parseTable, TABLE, type Table } from './table.ts';

export const UNIT = 'credrotate-lockdown.service';

/** Compares the rules that are loaded with those of the configuration. Never rejects. */
export async function readLockdown(deps: LockdownDeps, config: LockdownConfig): Promise<LockdownState> {
  try {
    const table = await readTable(deps);
    if (table) return judge(table, await resolveRules(deps, config));
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
  const result = await runNft(deps, ['--json', '--numeric', `list table ${TABLE}`]);
  if (result.exitCode !== 0) {
    if (result.complaint.includes('No such file or directory')) return undefined;
    throw failure(result);
  }
  const table = parseTable(result.output);
  if (table) return table;
  throw new AgentError('LOCKDOWN_FAILED', 'nft: expected a table as JSON, got something else', {
    hint: 'see what it says: nft --json list table inet credrotate_lockdown',
  });
}

/** A trial may differ from the configuration: that is its purpose. Lasting rules must not. */
function judge({ rules, effect, leftMs, refused }: Table, { rules: wanted, leftOut }: Resolved): LockdownState {
  if (effect === 'ended') return { state: 'off', reason: 'the trial is over, and was not confirmed', refused };
  if (!rules) return { state: 'drifted', reason: 'somebody changed the rules of our table', refused };
  if (effect === 'trial') return { state: 'on', rules, refused, ...(leftMs !== undefined && { rollbackIn: leftMs }) };
  const reason = difference(rules, wanted);
  if (reason !== undefined) return { state: 'drifted', reason, rules, refused };
  const [first] = leftOut;
  return { state: 'on', ...(first && { reason: leftOut.map(({ message }) => message).join('; ') }), rules, refused };
}

function difference(rules: Rules, wanted: Rules): string | undefined {
  if (isDeepStrictEqual(rules, wanted)) return undefined;
  const beside = <T>(some: readonly T[] = [], others: readonly T[] = []): string =>
    some.filter((one) => !others.includes(one)).join(', ');
  const parts = [
    ...naming('allows', beside(rules.users, wanted.users)),
    ...naming('does not allow', beside(wanted.users, rules.users)),
    ...naming('closes', beside(rules.addresses, wanted.addresses)),
    ...naming('does not close', beside(wanted.addresses, rules.addresses)),
    ...(rules.containers === wanted.containers ? [] : [`has containers: ${rules.containers}`]),
  ];
  return `the table ${parts.join(' and ')}, unlike the configuration`;
}

function naming(what: string, names: string): readonly string[] {
  return names === '' ? [] : [`${what} ${names}`];
}

/** Nobody but the kernel and systemd is waited for. */
const TIMEOUT_MS = 20_000;

/** `is-active`: whether the unit has loaded the rules; `is-enabled`: whether it will at the next boot. */
export async function asksUnit(deps: LockdownDeps, question: 'is-active' | 'is-enabled'): Promise<boolean> {
  const asked = systemctl(deps, ['--quiet', question, UNIT], { timeoutMs: TIMEOUT_MS });
  return await asked.then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}

/** Far above a table with the longest list of users. */
const KEEP = 1024 * 1024;

/** Has nft do all of it, or nothing. */
export async function load(deps: LockdownDeps, ruleset: string): Promise<void> {
  const result = await runNft(deps, [ruleset]);
  if (result.exitCode !== 0) throw failure(result);
}

async function runNft(deps: LockdownDeps, args: readonly string[]): Promise<CommandResult> {
  try {
    return await runTool(deps, ['nft', ...args], { timeoutMs: TIMEOUT_MS, keep: KEEP });
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) {
      throw new AgentError('LOCKDOWN_FAILED', `nft: could not be run: ${describeForeign(error)}`);
    }
    const hint = 'apt install nftables, or dnf install nftables';
    throw new AgentError('LOCKDOWN_UNAVAILABLE', 'nft: expected the program, got none on this machine', { hint });
  }
}

function failure({ complaint, exitCode, signal, timedOut }: CommandResult): AgentError {
  if (complaint.includes('Operation not permitted')) {
    return new AgentError('LOCKDOWN_REFUSED', 'nft: expected network rights, got none', { hint: 'run it as root' });
  }
  const end = timedOut ? 'no end' : (signal ?? `exit code ${String(exitCode)}`);
  const said = complaint.split('\n')[0]?.slice(0, 200) ?? '';
  return new AgentError('LOCKDOWN_FAILED', `nft: expected success, got ${end}: ${printable(said)}`);
}
