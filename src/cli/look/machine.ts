import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fetched } from '../../core/contracts.ts';
import { displayKeyId } from '../../core/credentials.ts';
import { describeForeign, isErrno } from '../../core/errors.ts';
import type { MachineFacts, Unseen } from '../../doctor/contract.ts';
import { assess } from '../../report/assess.ts';
import { readState } from '../../rotation/store.ts';
import { readFormer, statusPath } from '../publish.ts';
import type { World } from '../world.ts';

export async function lookAtMachine(
  world: World,
  fetched: Fetched,
  miss: (unseen: Unseen) => void,
): Promise<MachineFacts> {
  const path = join(world.directories.state, 'state.json');
  const standing = await access(path).then(
    () => 'there' as const,
    (error: unknown) => (isErrno(error, 'ENOENT') ? 'none' : describeForeign(error)),
  );
  if (standing !== 'there' && standing !== 'none') miss({ subject: path, reason: standing });
  const { origin, generation } = readState(world.directories.state);
  const agent = await lookAtAgent(world);
  return {
    // What could not be looked at is taken to be there: its absence would be a finding.
    hasState: standing === 'none' ? false : standing !== 'there' || generation > 0,
    ...(origin.instanceId !== undefined && { stateInstance: origin.instanceId }),
    ...(fetched.ok && fetched.origin.instanceId !== undefined && { instance: fetched.origin.instanceId }),
    ...(fetched.ok && { keyId: displayKeyId(fetched.credentials.accessKeyId) }),
    ...(agent && { agent }),
  };
}

async function lookAtAgent(world: World): Promise<MachineFacts['agent']> {
  const { clock } = await world.services();
  const status = readFormer(statusPath(world));
  if (!status) return undefined;
  const now = clock.now();
  const overdueBy = assess(status, now).isOverdue ? now - Date.parse(status.nextPass?.at ?? '') : undefined;
  return { mode: status.agent.mode, ...(overdueBy !== undefined && { overdueBy }) };
}
