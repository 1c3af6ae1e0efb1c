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
import { preflight, type Preflight } from '../lockdown/preflight.ts';
import { confirming, loading, removing } from '../lockdown/table.ts';
import { count, duration } from '../report/text.ts';
import { durationOption, readPart, withConfig, type ConfigOptions } from './options.ts';
import { jsonOption, showFound, type ReportOptions } from './show-report.ts';

interface ApplyOptions extends ConfigOptions {
  readonly allowUser?: readonly string[];
  readonly containers?: LockdownConfig['containers'];
  /** Milliseconds. */
  readonly for?: number;
  readonly dryRun?: true;
  readonly force?: true;
}

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
    .action((options: ConfigOptions & ReportOptions) => run((world) => showLockdown(world, options)));
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
  refuseOddTrial(options);
  const allowed = await readAllowed(world, options);
  const deps = await world.services();
  const { rules, leftOut } = await resolveRules(deps, allowed);
  // A missing user cannot ask: with --force the rules are loaded without it.
  if (leftOut[0] && !options.force) throw leftOut[0];
  const found = await preflight(deps, rules);
  say(world, [...leftOut.map(({ message }) => `left out: ${message}`), ...preflightLines(found, rules)]);
  const isBlocked = found.talking.some(({ uid }) => !rules.users.includes(uid)) && !options.force;
  if (options.dryRun) {
    world.print(`\n${loading(rules, options.for)}`);
    return isBlocked ? EXIT.refused : EXIT.done;
  }
  if (isBlocked) {
    throw refused('lockdown: expected nobody but allowed users to be connected, got others', {
      hint: 'allow them with --allow-user, or continue with --force, which ends their connections',
    });
  }
  if (options.for !== undefined && (await readTable(deps))?.effect === 'lasting') {
    throw refused('--for: expected no rules in force, got some without an end', {
      hint: 'such a trial would end with the service open to all: apply without --for, or remove the rules first',
    });
  }
  await load(deps, loading(rules, options.for));
  const state = await readLockdown(deps, allowed);
  say(world, [...(await describeState(deps, state)), ...(await adviseOnBoot(deps, options))]);
  return EXIT_OF_STATE[state.state];
}

function refuseOddTrial({ for: trial = LONGEST_TRIAL }: ApplyOptions): void {
  if (trial >= 1000 && trial <= LONGEST_TRIAL) return;
  throw new AgentError('USAGE', '--for: expected a duration from 1s to 24h, got another');
}

/** The configuration, with the additions of the options. */
async function readAllowed(world: World, options: ApplyOptions): Promise<LockdownConfig> {
  const { lockdown } = await readPart(world, options, 'lockdown');
  const added = (options.allowUser ?? []).map((user) => {
    const reading = readOwner(user);
    if ('value' in reading) return reading.value;
    throw new AgentError('USAGE', `--allow-user: expected a name or a numeric id, got "${printable(user)}"`);
  });
  return {
    ...lockdown,
    allowUsers: [...lockdown.allowUsers, ...added],
    containers: options.containers ?? lockdown.containers,
  };
}

function refused(message: string, options: { readonly hint: string }): AgentError {
  return new AgentError('LOCKDOWN_REFUSED', message, options);
}

async function adviseOnBoot(deps: LockdownDeps, options: ApplyOptions): Promise<string[]> {
  if (options.for !== undefined) return [];
  const said: string[] = [];
  if (options.allowUser !== undefined || options.containers !== undefined)
    said.push('the next boot goes by the configuration: write there under lockdown what the options say');
  if (!(await asksUnit(deps, 'is-enabled')))
    said.push(`it lasts until the next boot; to have it at every boot: systemctl enable --now ${UNIT}`);
  return said;
}

const EXIT_OF_STATE: Readonly<Record<LockdownState['state'], ExitCode>> = {
  on: EXIT.done,
  off: EXIT.noRole,
  drifted: EXIT.config,
  unknown: EXIT.refused,
};

async function showLockdown(world: World, options: ConfigOptions & ReportOptions): Promise<ExitCode> {
  const { lockdown } = await readPart(world, options, 'lockdown');
  const deps = await world.services();
  const state = await readLockdown(deps, lockdown);
  const { rules, rollbackIn, ...rest } = state;
  const rollback = rollbackIn === undefined ? {} : { rollbackInSeconds: Math.round(rollbackIn / 1000) };
  const sections = {
    command: 'lockdown status',
    exitCode: EXIT_OF_STATE[state.state],
    // `off` asks for no rules.
    findings: found(state.state === 'off' ? undefined : judgeLockdown(state)),
    lockdown: { ...rest, ...rollback, ...rules },
  };
  const text = textOf(await describeState(deps, state));
  return await showFound(world, options, sections, () => text);
}

async function confirmLockdown(world: World, options: ChangeOptions): Promise<ExitCode> {
  const deps = await world.services();
  const { effect, rules = {} } = (await readTable(deps)) ?? {};
  if (effect === undefined || effect === 'ended') {
    throw refused('confirm: expected a trial, got none or one that is over', { hint: 'credrotate lockdown apply' });
  }
  const said = ['lockdown: on, without an end', ...(await adviseOnBoot(deps, {}))];
  return await change(world, options, effect === 'trial' ? confirming(rules) : '', said);
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

/** Loads rules; empty rules if all is as configured. */
async function change(
  world: World,
  { dryRun }: ChangeOptions,
  rules: string,
  said: readonly string[],
): Promise<ExitCode> {
  if (dryRun) world.print(rules === '' ? 'nothing would change\n' : rules);
  else {
    if (rules !== '') await load(await world.services(), rules);
    say(world, said);
  }
  return EXIT.done;
}

function say(world: World, lines: readonly string[]): void {
  world.show(textOf(lines));
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function preflightLines({ talking, services, bridges }: Preflight, { users, containers }: Rules): string[] {
  const verdict = (uid: number, user = String(uid)): string =>
    users.includes(uid) ? 'allowed' : `will be refused; --allow-user ${user} allows it`;
  return [
    ...(talking.length === 0 ? ['connected now: nobody'] : []),
    ...talking.map(({ uid, name, connections }) => {
      const who = name === undefined ? String(uid) : `${uid} (${name})`;
      return `connected now: user ${who}, ${count(connections, 'connection')}: ${verdict(uid, name)}`;
    }),
    ...services.map(({ uid, user, what }) => `on this machine: user ${user}; ${what}: ${verdict(uid, user)}`),
    ...(bridges.length === 0 ? [] : [`containers (${bridges.join(', ')}): ${CONTAINERS[containers]}`]),
  ];
}

const CONTAINERS = {
  allow: 'reach the service as before; --containers deny refuses them',
  deny: 'will be refused; --containers allow leaves them as they are',
};

async function describeState(deps: LockdownDeps, state: LockdownState): Promise<string[]> {
  const { rules, rollbackIn, reason } = state;
  const names = (ids: readonly number[]): Promise<string[]> => Promise.all(ids.map((id) => describeUser(deps, id)));
  const refused = await names(state.refused);
  return [
    `lockdown: ${state.state}${reason === undefined ? '' : `: ${reason}`}`,
    ...(rules ? [`  reached by ${(await names(rules.users)).join(', ')}${FORWARDED[rules.containers]}`] : []),
    ...(rules?.addresses ? [`  with the addresses of container roles: ${rules.addresses.join(', ')}`] : []),
    ...(rollbackIn === undefined
      ? []
      : [`  a trial: ends in ${duration(rollbackIn)}; credrotate lockdown confirm keeps it`]),
    ...(refused.length === 0 ? [] : [`  refused in the last day: ${refused.join(', ')}`]),
    ...(state.state === 'drifted' ? ['  hint: credrotate lockdown apply'] : []),
  ];
}

const FORWARDED = { allow: ', and by containers', deny: '; not by containers' };
