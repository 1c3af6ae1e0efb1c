import type { LockdownDeps, LockdownState, Rules } from '../lockdown/contract.ts';
import type { KnownService, Party, Preflight } from '../lockdown/preflight.ts';
import { describeUser } from '../lockdown/rules.ts';
import type { LockdownReport } from '../report/report-schema.ts';
import { count, duration } from '../report/text.ts';

/** A line for everybody whom the rules may concern. */
export function preflightLines({ talking, services, bridges }: Preflight, { containers }: Rules): string[] {
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

export async function describeState(deps: LockdownDeps, state: LockdownState): Promise<string[]> {
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

export function lockdownReport({ state, reason, rules, rollbackIn, refused }: LockdownState): LockdownReport {
  return {
    state,
    ...(reason !== undefined && { reason }),
    ...(rollbackIn !== undefined && { rollbackInSeconds: Math.round(rollbackIn / 1000) }),
    ...rules,
    refused,
  };
}
