import { join } from 'node:path';
import type { Fetched } from '../../core/contracts.ts';
import { displayKeyId } from '../../core/credentials.ts';
import { toErrorInfo } from '../../core/errors.ts';
import type { MachineFacts, Unseen } from '../../doctor/contract.ts';
import type { OwnDirectory } from '../../files/own.ts';
import { assess } from '../../report/assess.ts';
import { readState, STATE } from '../../rotation/store.ts';
import { stateDirectory } from '../own.ts';
import { readFormer } from '../publish.ts';
import type { World } from '../world.ts';

export async function lookAtMachine(
  world: World,
  fetched: Fetched,
  miss: (unseen: Unseen) => void,
): Promise<MachineFacts> {
  const path = join(world.directories.state, STATE);
  const directory = stateDirectory(world);
  const standing = standingOf(directory);
  if (standing !== 'there' && standing !== 'none') miss({ subject: path, reason: standing });
  const { origin, generation } = readState(directory);
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

function standingOf(directory: OwnDirectory): string {
  try {
    return directory.has(STATE) ? 'there' : 'none';
  } catch (error) {
    return toErrorInfo(error).message;
  }
}

async function lookAtAgent(world: World): Promise<MachineFacts['agent']> {
  const { clock } = await world.services();
  const status = readFormer(world);
  if (!status) return undefined;
  const now = clock.now();
  const overdueBy = assess(status, now).isOverdue ? now - Date.parse(status.nextPass?.at ?? '') : undefined;
  return { mode: status.agent.mode, ...(overdueBy !== undefined && { overdueBy }) };
}
