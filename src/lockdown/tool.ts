import type { CommandResult } from '../core/contracts.ts';
import { AgentError, describeForeign, isErrno } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { Host, LockdownDeps } from './contract.ts';
import { TABLE } from './ruleset.ts';

const HOST: Host = { path: '/usr/sbin:/usr/bin:/sbin:/bin', net: '/proc/net' };

export function hostOf(deps: LockdownDeps): Host {
  return deps.host ?? HOST;
}

/** nft waits for nobody but the kernel, getent for name services; milliseconds. */
const TIMEOUT = 20_000;
/** Far above a table with the longest list of users. */
const KEEP = 1024 * 1024;

/** Runs one of the host's tools, whose messages are then in English. Rejects when it is not there. */
export function runTool(deps: LockdownDeps, command: readonly string[]): Promise<CommandResult> {
  const env = { PATH: hostOf(deps).path, LC_ALL: 'C' };
  return deps.commands.run(command, { timeout: TIMEOUT, env, keep: KEEP });
}

/** Has nft do all of it, or nothing. */
export async function load(deps: LockdownDeps, ruleset: string): Promise<void> {
  const result = await runNft(deps, [ruleset]);
  if (result.exitCode !== 0) throw failure(result);
}

/** Our table as nft lists it in JSON; undefined when there is none. */
export async function list(deps: LockdownDeps): Promise<string | undefined> {
  const result = await runNft(deps, ['--json', '--numeric', `list table ${TABLE}`]);
  if (result.exitCode === 0) return result.output;
  if (result.output.includes('No such file or directory')) return undefined;
  throw failure(result);
}

async function runNft(deps: LockdownDeps, args: readonly string[]): Promise<CommandResult> {
  try {
    return await runTool(deps, ['nft', ...args]);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) {
      throw new AgentError('LOCKDOWN_FAILED', `nft: could not be run: ${describeForeign(error)}`);
    }
    const hint = 'apt install nftables, or dnf install nftables';
    throw new AgentError('LOCKDOWN_UNAVAILABLE', 'nft: expected the program, got none on this machine', { hint });
  }
}

function failure({ output, exitCode, signal, timedOut }: CommandResult): AgentError {
  if (output.includes('Operation not permitted')) {
    return new AgentError('LOCKDOWN_REFUSED', 'nft: expected network rights, got none', {
      hint: 'run it as root',
    });
  }
  const end = timedOut ? 'no end' : (signal ?? `exit code ${String(exitCode)}`);
  const said = output.split('\n')[0]?.slice(0, 200) ?? '';
  return new AgentError('LOCKDOWN_FAILED', `nft: expected success, got ${end}: ${printable(said)}`);
}
