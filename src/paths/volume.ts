import { type BigIntStats, readFileSync } from 'node:fs';
import { type Directory, MountedOver } from './held.ts';
import type { Refusal, VolumeFault } from './refusal.ts';
import type { PassedDirectory, Walker } from './walked.ts';

/**
 * A volume of a pod is writable for all. It is used where it was named, and where nobody can gain by it: whoever else has
 * it can exchange and delete what is there, but what we make there is closed to them, all that is there is ours, and we
 * have no right that they lack.
 */

type UnsafeVolume = Extract<Refusal, { why: 'volume' }>;

/**
 * The class of a directory that others can write: a private `volume`; one that is `left` to another user, since root does not
 * act there; none, so that the usual rules count; or why it is refused. Throws errno errors.
 */
export function volumeKind(
  directory: Directory,
  parent: Directory,
  isSticky: boolean,
  { uid, volumes = [], unnamedVolume }: Walker,
): 'volume' | 'left' | 'none' | UnsafeVolume {
  const isNamed = volumes.includes(directory.path);
  if (!isNamed && directory.path !== unnamedVolume) return 'none';
  if (uid === 0) return 'left';
  const fault = judgeVolume(directory, parent, uid);
  // Below a sticky directory our own counts in any case, and what is no volume was not meant as one.
  const isPlain = !isNamed && (isSticky || fault?.fault === 'place' || fault?.fault === 'mount');
  return fault ? (isPlain ? 'none' : fault) : 'volume';
}

function judgeVolume(volume: Directory, parent: Directory, uid: number): UnsafeVolume | undefined {
  const refuse = (fault: VolumeFault, got: string, at = volume.path): UnsafeVolume => ({
    why: 'volume',
    at,
    fault,
    got,
  });
  if (OF_ALL.test(volume.path)) return refuse('place', 'one that all programs of the machine use');
  if (volume.mountId === parent.mountId) return refuse('mount', `a directory of the mount of ${parent.path}`);
  const status = readFileSync('/proc/self/status', 'latin1');
  const capabilities = BigInt(`0x${/^CapPrm:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? 'f'}`);
  if ((capabilities & OVERRIDING) !== 0n) return refuse('capabilities', `CapPrm ${capabilities.toString(16)}`);
  for (const name of volume.names()) {
    const owner = ownerOf(volume, name);
    if (owner !== undefined && owner !== String(uid)) return refuse('entry', owner, volume.pathOf(name));
  }
  return undefined;
}

/** Where every program of a machine makes files, and what systemd mounts in /run and /dev. */
const OF_ALL = /^\/(tmp|var\/tmp|dev(\/.*)?|run(\/(lock|shm|user(\/[^/]+)?|credentials(\/.*)?|systemd(\/.*)?))?)$/;

/** CAP_CHOWN, CAP_DAC_OVERRIDE and CAP_FOWNER. */
const OVERRIDING = 0b1011n;

/** Undefined when it is gone by now. */
function ownerOf(volume: Directory, name: string): string | undefined {
  try {
    using entry = volume.find(name);
    return entry && String(entry.stat().uid);
  } catch (error) {
    if (error instanceof MountedOver) return 'whoever mounted it';
    throw error;
  }
}

const OWNERS_ALONE = 0o750;
export const STICKY = 0o1000;

/** A directory of our own in this volume. In a sticky one that nobody named, our own counts in any case. */
export function judgeEntry(
  { path }: Directory,
  stat: BigIntStats,
  volume: PassedDirectory,
  { volumes = [] }: Walker,
): UnsafeVolume | undefined {
  const mode = Number(stat.mode) & 0o777;
  const isPlain = (volume.mode & STICKY) !== 0 && !volumes.includes(volume.path);
  if (isPlain || (mode & ~OWNERS_ALONE) === 0) return undefined;
  return { why: 'volume', at: path, fault: 'mode', got: `mode 0${mode.toString(8)}` };
}
