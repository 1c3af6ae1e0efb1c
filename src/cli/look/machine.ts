import { join } from 'node:path';
import type { Fetched } from '../../core/contracts.ts';
import { displayKeyId } from '../../core/credentials.ts';
import { toErrorInfo } from '../../core/errors.ts';
import type { MachineFacts, Unseen } from '../../doctor/contract.ts';
import type { OwnDirectory } from '../../files/own.ts';
import { readState, STATE } from '../../rotation/store.ts';
import { stateDirectory, type Owner } from '../../agent/published.ts';

export function lookAtMachine(
  owner: Owner,
  fetched: Fetched,
  miss: (unseen: Unseen) => void,
): Omit<MachineFacts, 'hasStatus' | 'hasUnits'> {
  const path = join(owner.directories.state, STATE);
  const directory = stateDirectory(owner);
  const standing = standingOf(directory);
  if (standing !== 'there' && standing !== 'none') miss({ subject: path, reason: standing });
  const { origin, generation } = readState(directory);
  return {
    // What could not be looked at is taken to be there: its absence would be a finding.
    hasState: standing === 'none' ? false : standing !== 'there' || generation > 0,
    ...(origin.instanceId !== undefined && { stateInstance: origin.instanceId }),
    ...(fetched.ok && fetched.origin.instanceId !== undefined && { instance: fetched.origin.instanceId }),
    ...(fetched.ok && { keyId: displayKeyId(fetched.credentials.accessKeyId) }),
  };
}

function standingOf(directory: OwnDirectory): string {
  try {
    return directory.has(STATE) ? 'there' : 'none';
  } catch (error) {
    return toErrorInfo(error).message;
  }
}
