import { Option, type Command } from 'commander';
import type { Run, World } from '../agent/world.ts';
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
import { durationOption, readPart, withConfig, type ConfigOptions } from './options.ts';
import { jsonOption, showReport, type ReportOptions } from './show-report.ts';

interface ApplyOptions extends ConfigOptions {
  readonly allowUser?: readonly string[];
  readonly containers?: LockdownConfig['containers'];
  /** Milliseconds. */
  readonly for?: number;
  readonly dryRun?: true;
  readonly force?: true;
}

type LockdownStatusOptions = ConfigOptions & ReportOptions;

interface ChangeOptions {
  readonly dryRun?: true;
}

export function addLockdown(program: Command, run: Run): void {
  const lockdown = program
    .command('lockdown')
    .summary('let only root and chosen users reach the metadata service')
    .description(
      'Let only root and the users of the configuration reach the metadata service, by nftables rules in a table of ' +
        'their own. Every user who reaches it has the role.',
    );
  addApply(lockdown, run);
  lockdown
    .command('confirm')
    .summary('make a trial last')
    .description('Keep the rules that apply --for tries.')
    .option('--dry-run', 'print what would be loaded, without loading it')
    .action((options: ChangeOptions) => run((world) => confirmLockdown(world, options)));
  withConfig(lockdown.command('status'))
    .summary('show who reaches the metadata service')
    .description(
      'Show whether the rules are in force, and compare them with the configuration. Exit code 0: on; ' +
        `${String(EXIT.noRole)}: off; ${String(EXIT.config)}: not those of the configuration; ` +
        `${String(EXIT.refused)}: cannot be seen.`,
    )
    .addOption(jsonOption())
    .action((options: LockdownStatusOptions) => run((world) => showLockdown(world, options)));
  lockdown
    .command('remove')
    .summary('let everybody reach it again')
    .description('Remove our rules, and nothing else.')
    .option('--dry-run', 'print what would be loaded, without loading it')
    .action((options: ChangeOptions) => run((world) => removeLockdown(world, options)));
}

function addApply(lockdown: Command, run: Run): void {
  withConfig(lockdown.command('apply'))
    .summary('load the rules')
    .description(
      'Look which users would be refused, and load the rules in one step, in place of those that are loaded. They ' +
        'hold until the next boot; credrotate-lockdown.service loads them at every boot.',
    )
    .option('--allow-user <user...>', 'users to allow beside those of the configuration')
    .addOption(
      new Option('--containers <choice>', 'whether containers reach it, whatever the configuration says').choices([
        'allow',
        'deny',
      ]),
    )
    .addOption(durationOption('--for <duration>', 'a trial: let everybody in again after this time, unless confirmed'))
    .option('--dry-run', 'show which users would be refused, and the rules, without loading them')
    .option('--force', 'load the rules even if a refused user is connected, and without unknown users')
    .action((options: ApplyOptions) => run((world) => applyLockdown(world, options)));
}

const LONGEST_TRIAL = 24 * 3_600_000;

async function applyLockdown(world: World, options: ApplyOptions): Promise<ExitCode> {
  const { for: trial = LONGEST_TRIAL } = options;
  if (trial < 1000 || trial > LONGEST_TRIAL) {
    throw new AgentError('USAGE', '--for: expected a duration from 1s to 24h, got another');
  }
  const wish = await readWish(world, options);
  const deps = await world.services();
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

async function showLockdown(world: World, options: LockdownStatusOptions): Promise<ExitCode> {
  const { lockdown } = await readPart(world, options, 'lockdown');
  const deps = await world.services();
  const state = await readLockdown(deps, lockdown);
  const { clock } = await world.services();
  const exitCode = EXIT_OF_STATE[state.state];
  // That nobody is kept away is what `off` asks for.
  const findings = found(state.state === 'off' ? undefined : judgeLockdown(state));
  const report = reportOf('lockdown status', { exitCode, findings, lockdown: lockdownReport(state) }, clock.now());
  const text = lines(await describeState(deps, state));
  return showReport(world, options, report, () => text);
}

async function confirmLockdown(world: World, options: ChangeOptions): Promise<ExitCode> {
  const deps = await world.services();
  const effect = (await readTable(deps))?.effect;
  if (effect === undefined || effect === 'ended') {
    throw new AgentError('LOCKDOWN_REFUSED', 'confirm: expected a trial, got none or one that is over', {
      hint: 'credrotate lockdown apply',
    });
  }
  const said = ['lockdown: on, without an end', ...(await adviseOnBoot(deps, {}))];
  return await change(world, options, effect === 'trial' ? confirming() : '', said);
}

async function removeLockdown(world: World, options: ChangeOptions): Promise<ExitCode> {
  const deps = await world.services();
  const isThere = (await readTable(deps)) !== undefined;
  const isBack = await asksUnit(deps, 'is-active');
  const said = [
    `lockdown: off${isThere ? '' : ', as before'}; everybody reaches the metadata service`,
    ...(isBack ? [`until ${UNIT} loads the rules again; for good: systemctl disable --now ${UNIT}`] : []),
  ];
  return await change(world, options, isThere ? removing() : '', said);
}

/** Loads rules; empty ones where all is as it should be. */
async function change(
  world: World,
  { dryRun }: ChangeOptions,
  rules: string,
  said: readonly string[],
): Promise<ExitCode> {
  if (dryRun) world.print(rules === '' ? 'nothing would change\n' : rules);
  else {
    if (rules !== '') await load(await world.services(), rules);
    world.show(lines(said));
  }
  return EXIT.done;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}

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
