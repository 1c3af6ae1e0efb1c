import type { World } from '../agent/world.ts';
import { readOwner } from '../config/scalars.ts';
import type { LockdownConfig } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { printable } from '../core/printable.ts';
import { found } from '../core/findings.ts';
import { judgeLockdown } from '../doctor/judge/host.ts';
import { describeUser, resolveRules, type LockdownDeps, type LockdownState, type Rules } from '../lockdown/rules.ts';
import { load, asksUnit, readLockdown, readTable, UNIT } from '../lockdown/state.ts';
import { preflight, type KnownService, type Party, type Preflight } from '../lockdown/preflight.ts';
import { confirming, loading, removing } from '../lockdown/table.ts';
import { reportOf } from '../report/report.ts';
import type { LockdownReport } from '../report/schema.ts';
import { count, duration } from '../report/text.ts';
import { readPart, type ConfigOptions } from './options.ts';
import { showReport, type ReportOptions } from './show-report.ts';

export interface ApplyOptions extends ConfigOptions {
  readonly allowUser?: readonly string[];
  readonly containers?: LockdownConfig['containers'];
  /** Milliseconds. */
  readonly for?: number;
  readonly dryRun?: true;
  readonly force?: true;
}

export type LockdownStatusOptions = ConfigOptions & ReportOptions;

export async function applyLockdown(world: World, options: ApplyOptions): Promise<ExitCode> {
  const wish = await readWish(world, options);
  const deps = await openDeps(world);
  const { rules, leftOut } = await resolveRules(deps, wish);
  // Nobody can ask as a user who is not there: what was forced must not leave everybody in for that.
  if (leftOut[0] && !options.force) throw leftOut[0];
  const found = await preflight(deps, rules);
  world.show(lines([...leftOut.map(({ message }) => `left out: ${message}`), ...preflightLines(found, rules)]));
  const isBlocked = found.talking.some(({ isAllowed }) => !isAllowed) && !options.force;
  if (options.dryRun) {
    world.print(`\n${loading(rules, options.for)}`);
    return isBlocked ? EXIT.refused : EXIT.done;
  }
  if (isBlocked) throw inUse();
  if (options.for !== undefined) await refuseTrialOverLasting(deps);
  await load(deps, loading(rules, options.for));
  const state = await readLockdown(deps, wish);
  world.show(lines(await describeState(deps, state)));
  world.show(lines(await adviseOnBoot(deps, options)));
  return EXIT_OF_STATE[state.state];
}

/** The configuration, and what the options say beyond it. */
async function readWish(world: World, options: ApplyOptions): Promise<LockdownConfig> {
  const { lockdown } = await readPart(world, options, 'lockdown');
  const added = (options.allowUser ?? []).map((user) => {
    const reading = readOwner(user);
    if ('value' in reading) return reading.value;
    throw new AgentError('USAGE', `--allow-user: expected a name or a numeric id, got "${printable(user)}"`);
  });
  return {
    allowUsers: [...lockdown.allowUsers, ...added],
    containers: options.containers ?? lockdown.containers,
  };
}

async function openDeps(world: World): Promise<LockdownDeps> {
  const { commands, users } = await world.services();
  return { commands, users };
}

function inUse(): AgentError {
  return new AgentError('LOCKDOWN_REFUSED', 'lockdown: expected nobody but allowed users to be connected, got others', {
    hint: 'allow them with --allow-user, or go on with --force, which ends their connections',
  });
}

async function refuseTrialOverLasting(deps: LockdownDeps): Promise<void> {
  if ((await readTable(deps))?.effect !== 'lasting') return;
  throw new AgentError('LOCKDOWN_REFUSED', '--for: expected no rules in force, got some without an end', {
    hint: 'such a trial would end with the service open to all: apply without --for, or remove the rules first',
  });
}

async function adviseOnBoot(deps: LockdownDeps, options: ApplyOptions): Promise<string[]> {
  if (options.for !== undefined) return [];
  const isBeyond = options.allowUser !== undefined || options.containers !== undefined;
  return [
    ...(isBeyond ? ['the next boot goes by the configuration: write there under lockdown what the options say'] : []),
    ...((await asksUnit(deps, 'is-enabled'))
      ? []
      : [`it lasts until the next boot; to have it at every boot: systemctl enable --now ${UNIT}`]),
  ];
}

const EXIT_OF_STATE: Readonly<Record<LockdownState['state'], ExitCode>> = {
  on: EXIT.done,
  off: EXIT.noRole,
  drifted: EXIT.config,
  unknown: EXIT.refused,
};

export async function showLockdown(world: World, options: LockdownStatusOptions): Promise<ExitCode> {
  const { lockdown } = await readPart(world, options, 'lockdown');
  const deps = await openDeps(world);
  const state = await readLockdown(deps, lockdown);
  const { clock } = await world.services();
  const exitCode = EXIT_OF_STATE[state.state];
  // That nobody is kept away is what `off` asks for.
  const findings = found(state.state === 'off' ? undefined : judgeLockdown(state));
  const report = reportOf('lockdown status', { exitCode, findings, lockdown: lockdownReport(state) }, clock.now());
  const text = lines(await describeState(deps, state));
  return showReport(world, options, report, () => text);
}

export interface ChangeOptions {
  readonly dryRun?: true;
}

export async function confirmLockdown(world: World, options: ChangeOptions): Promise<ExitCode> {
  const deps = await openDeps(world);
  const effect = (await readTable(deps))?.effect;
  if (effect === undefined || effect === 'ended') {
    throw new AgentError('LOCKDOWN_REFUSED', 'confirm: expected a trial, got none or one that is over', {
      hint: 'credrotate lockdown apply',
    });
  }
  const said = ['lockdown: on, without an end', ...(await adviseOnBoot(deps, {}))];
  return await change(world, { ...options, rules: effect === 'trial' ? confirming() : '', said });
}

export async function removeLockdown(world: World, options: ChangeOptions): Promise<ExitCode> {
  const deps = await openDeps(world);
  const isThere = (await readTable(deps)) !== undefined;
  const isBack = await asksUnit(deps, 'is-active');
  const said = [
    `lockdown: off${isThere ? '' : ', as before'}; everybody reaches the metadata service`,
    ...(isBack ? [`until ${UNIT} loads the rules again; for good: systemctl disable --now ${UNIT}`] : []),
  ];
  return await change(world, { ...options, rules: isThere ? removing() : '', said });
}

interface Change extends ChangeOptions {
  /** To load; empty where all is as it should be. */
  readonly rules: string;
  readonly said: readonly string[];
}

async function change(world: World, { rules, said, dryRun }: Change): Promise<ExitCode> {
  if (dryRun) world.print(rules === '' ? 'nothing would change\n' : rules);
  else {
    if (rules !== '') await load(await openDeps(world), rules);
    world.show(lines(said));
  }
  return EXIT.done;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

/** A line for everybody whom the rules may concern. */
function preflightLines({ talking, services, bridges }: Preflight, { containers }: Rules): string[] {
  return [
    ...(talking.length === 0 ? ['connected now: nobody'] : talking.map(partyLine)),
    ...services.map(serviceLine),
    ...(bridges.length === 0 ? [] : [`containers (${bridges.join(', ')}): ${CONTAINERS[containers]}`]),
  ];
}

const CONTAINERS = {
  allow: 'reach the service as before; --containers deny refuses them',
  deny: 'will be refused; --containers allow leaves them as they are',
};

function partyLine({ uid, name, connections, isAllowed }: Party): string {
  const who = name === undefined ? String(uid) : `${String(uid)} (${name})`;
  return `connected now: user ${who}, ${count(connections, 'connection')}: ${verdict(isAllowed, name ?? String(uid))}`;
}

function serviceLine({ user, what, isAllowed }: KnownService): string {
  return `on this machine: user ${user}; ${what}: ${verdict(isAllowed, user)}`;
}

function verdict(isAllowed: boolean, user: string): string {
  return isAllowed ? 'allowed' : `will be refused; --allow-user ${user} allows it`;
}

async function describeState(deps: LockdownDeps, state: LockdownState): Promise<string[]> {
  const { rules, rollbackIn, reason } = state;
  const names = (ids: readonly number[]): Promise<string[]> => Promise.all(ids.map((id) => describeUser(deps, id)));
  const refused = await names(state.refused);
  return [
    `lockdown: ${state.state}${reason === undefined ? '' : `: ${reason}`}`,
    ...(rules ? [`  reached by ${(await names(rules.users)).join(', ')}${FORWARDED[rules.containers]}`] : []),
    ...(rollbackIn === undefined
      ? []
      : [`  a trial: ends in ${duration(rollbackIn)}; credrotate lockdown confirm keeps it`]),
    ...(refused.length === 0 ? [] : [`  refused in the last day: ${refused.join(', ')}`]),
    ...(state.state === 'drifted' ? ['  hint: credrotate lockdown apply'] : []),
  ];
}

const FORWARDED = { allow: ', and by containers', deny: '; not by containers' };

function lockdownReport({ state, reason, rules, rollbackIn, refused }: LockdownState): LockdownReport {
  return {
    state,
    ...(reason !== undefined && { reason }),
    ...(rollbackIn !== undefined && { rollbackInSeconds: Math.round(rollbackIn / 1000) }),
    ...rules,
    refused,
  };
}
