import { AgentError, describeForeign, errnoName, type ErrorCode, type ErrorInfo } from '../../core/errors.ts';
import { MountedOver } from '../../paths/held.ts';
import { DESCRIPTOR_HINTS } from '../../paths/refusal.ts';
import type { SinkConfig } from '../../core/config.ts';
import { keyOf } from '../../core/sink-id.ts';
import type { Drift, SinkOutcome, SinkResult } from '../../core/outcomes.ts';

const HINTS: Readonly<Record<string, string>> = {
  EACCES: 'give the file and its directory to the user who writes there (chown), or run the agent as their owner',
  EPERM:
    'lsattr shows whether it or its directory is immutable or append-only; else the agent lacks a capability (CapabilityBoundingSet=), or the file system keeps no owners and modes',
  EROFS: 'the file system is read-only, or the sandbox of the unit closes it: credrotate harden opens it',
  ENOSPC: 'free space or inodes on that file system: df, df -i',
  EDQUOT: 'free space or raise the quota of that file system',
  EFBIG: 'raise the file size limit: LimitFSIZE= of the unit, or ulimit -f',
  ...DESCRIPTOR_HINTS,
  ENAMETOOLONG: 'shorten the file name to 237 bytes: the temp file beside it has a longer one',
  EIO: 'the disk fails: look at dmesg',
  EBUSY: 'the file is a mount point: mount its directory, not the file, into the container',
  ELOOP: 'configure the real path: the file is a symlink',
  EEXIST: 'a file with the name of our temp file was there; the next pass takes another name',
  ENOENT: 'the directory went away meanwhile',
  ESTALE: 'the network file system lost the directory: mount it again',
};

const EXPECTED: Partial<Record<ErrorCode, string>> = {
  SINK_UNREADABLE: 'a readable file',
  SINK_UNVERIFIED: 'to see the file, which has the new credentials,',
};

/** An error of a system call on a sink, with its path and a remedy. Other errors are returned as they are. */
export function explain(error: unknown, code: ErrorCode, path: string): unknown {
  if (error instanceof MountedOver) {
    const message = `${path}: expected a file of its directory's own file system, got a mount point`;
    return new AgentError('SINK_UNSAFE_PATH', message, { hint: HINTS['EBUSY'] ?? '', cause: error });
  }
  const name = errnoName(error);
  if (name === undefined) return error;
  const expected = EXPECTED[code] ?? 'a complete write';
  const hint = HINTS[name];
  const message = `${path}: expected ${expected}, got ${describeForeign(error)}`;
  return new AgentError(code, message, { hint, cause: error });
}

/** Codes of sinks that were left alone: we did not try to write them. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SINK_UNSAFE_PATH',
  'SINK_NOT_REGULAR',
  'SINK_FORMAT_REFUSED',
  'SINK_TOO_LARGE',
  'SINK_NOT_OURS',
  'SINK_OWNER_UNKNOWN',
  'SINK_OWNER_DENIED',
]);

export function failed(sink: SinkConfig, error: ErrorInfo): SinkOutcome {
  return { ...outcome(sink, resultOf(error.code)), error };
}

function resultOf(code: ErrorCode): SinkResult {
  if (code === 'SINK_OUTDATED') return 'outdated';
  return REFUSALS.has(code) ? 'refused' : 'failed';
}

/** A sink without current credentials, which we do not have either. `attributes`: where its mode or owner differs; undefined without a file. */
export function outdated(sink: SinkConfig, attributes: readonly Drift[] | undefined): SinkOutcome {
  const got = attributes ? 'one that is not as it was written' : 'none';
  const message = `${sink.path}: expected a file with the current credentials, got ${got}, and there are none to write`;
  const drift: readonly Drift[] = attributes ? ['bytes', ...attributes] : ['missing'];
  return { ...failed(sink, { code: 'SINK_OUTDATED', message }), drift };
}

export function outcome(sink: SinkConfig, result: SinkResult): SinkOutcome {
  return { ...keyOf(sink), format: sink.format, result, bytesChanged: false, drift: [], warnings: [] };
}
