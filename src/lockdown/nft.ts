import type { CommandResult } from '../core/contracts.ts';
import { AgentError, describeForeign, isErrno } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { runTool } from '../host/tool.ts';
import type { LockdownDeps } from './contract.ts';
import { TABLE } from './ruleset.ts';

/** It waits for nobody but the kernel; milliseconds. */
const TIMEOUT = 20_000;
/** Far above a table with the longest list of users. */
const KEEP = 1024 * 1024;

/** Has nft do all of it, or nothing. */
export async function load(deps: LockdownDeps, ruleset: string): Promise<void> {
  const result = await runNft(deps, [ruleset]);
  if (result.exitCode !== 0) throw failure(result);
}

/** Our table as nft lists it in JSON; undefined when there is none. */
export async function list(deps: LockdownDeps): Promise<string | undefined> {
  const result = await runNft(deps, ['--json', '--numeric', `list table ${TABLE}`]);
  if (result.exitCode === 0) return result.output;
  if (result.complaint.includes('No such file or directory')) return undefined;
  throw failure(result);
}

async function runNft(deps: LockdownDeps, args: readonly string[]): Promise<CommandResult> {
  try {
    return await runTool(deps, ['nft', ...args], { timeout: TIMEOUT, keep: KEEP });
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
    return new AgentError('LOCKDOWN_REFUSED', 'nft: expected network rights, got none', {
      hint: 'run it as root',
    });
  }
  const end = timedOut ? 'no end' : (signal ?? `exit code ${String(exitCode)}`);
  const said = complaint.split('\n')[0]?.slice(0, 200) ?? '';
  return new AgentError('LOCKDOWN_FAILED', `nft: expected success, got ${end}: ${printable(said)}`);
}
