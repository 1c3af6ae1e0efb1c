import type { ErrorCode } from './errors.ts';
import type { PassReport, SourceState } from './outcomes.ts';

/** Exit codes, after sysexits(3). */
export const EXIT = {
  done: 0,
  usage: 64,
  noRole: 69,
  internal: 70,
  sinkFailed: 73,
  consumerPending: 74,
  unreachable: 75,
  malformed: 76,
  refused: 77,
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** When several apply, the first of these is the one to act on. */
const PRECEDENCE: readonly ExitCode[] = [
  EXIT.config,
  EXIT.internal,
  EXIT.refused,
  EXIT.sinkFailed,
  EXIT.malformed,
  EXIT.unreachable,
  EXIT.noRole,
  EXIT.consumerPending,
  EXIT.usage,
];

const OF_CODE: Record<ErrorCode, ExitCode> = {
  CONFIG_INVALID: EXIT.config,
  CONFIG_UNREADABLE: EXIT.config,
  CONFIG_UNSAFE: EXIT.config,
  USAGE: EXIT.usage,
  IMDS_DISABLED: EXIT.noRole,
  IMDS_NO_ROLE: EXIT.noRole,
  IMDS_NOT_FOUND: EXIT.noRole,
  IMDS_DENIED: EXIT.refused,
  IMDS_UNREACHABLE: EXIT.unreachable,
  IMDS_THROTTLED: EXIT.unreachable,
  IMDS_MALFORMED: EXIT.malformed,
  IMDS_EXPIRED: EXIT.unreachable,
  CREDENTIALS_OLDER: EXIT.done,
  CREDENTIALS_EXPIRED: EXIT.unreachable,
  SINK_OUTDATED: EXIT.unreachable,
  SINK_UNSAFE_PATH: EXIT.refused,
  SINK_NOT_REGULAR: EXIT.refused,
  SINK_FORMAT_REFUSED: EXIT.refused,
  SINK_TOO_LARGE: EXIT.refused,
  SINK_OWNER_UNKNOWN: EXIT.sinkFailed,
  SINK_OWNER_DENIED: EXIT.refused,
  SINK_UNREADABLE: EXIT.sinkFailed,
  SINK_WRITE_FAILED: EXIT.sinkFailed,
  SINK_NOT_OURS: EXIT.refused,
  SINK_CONFLICT: EXIT.sinkFailed,
  SINK_UNVERIFIED: EXIT.sinkFailed,
  SINK_TIMEOUT: EXIT.sinkFailed,
  SINK_ACTOR_FAILED: EXIT.sinkFailed,
  CONSUMER_WOULD_DIE: EXIT.consumerPending,
  CONSUMER_IGNORES: EXIT.consumerPending,
  CONSUMER_NOT_MEANT: EXIT.consumerPending,
  CONSUMER_UNSAFE: EXIT.consumerPending,
  CONSUMER_UNINSPECTABLE: EXIT.consumerPending,
  CONSUMER_FAILED: EXIT.consumerPending,
  CONSUMER_TIMEOUT: EXIT.consumerPending,
  STATE_UNWRITABLE: EXIT.sinkFailed,
  LOCKDOWN_REFUSED: EXIT.refused,
  LOCKDOWN_UNAVAILABLE: EXIT.noRole,
  LOCKDOWN_FAILED: EXIT.internal,
  AGENT_BUSY: EXIT.unreachable,
  AGENT_ABSENT: EXIT.unreachable,
  INTERNAL: EXIT.internal,
};

const OF_STATE: Record<SourceState, ExitCode> = {
  ok: EXIT.done,
  stale: EXIT.done,
  expired: EXIT.unreachable,
  no_role: EXIT.noRole,
  denied: EXIT.refused,
  unreachable: EXIT.unreachable,
  malformed: EXIT.malformed,
  disabled: EXIT.noRole,
};

export function exitCodeOfError(code: ErrorCode): ExitCode {
  return OF_CODE[code];
}

export function exitCodeOf(report: PassReport): ExitCode {
  const errors = [...report.sinks.flatMap((sink) => sink.error ?? []), ...report.errors];
  return exitCodeOfParts(
    report.source.state,
    errors.map((error) => error.code),
    report.consumers.some((consumer) => consumer.result === 'pending'),
  );
}

/** The one to act on first, of a source's state, of errors, and of a consumer that is still to be notified. */
export function exitCodeOfParts(state: SourceState, errors: readonly ErrorCode[], isPending = false): ExitCode {
  const applying = new Set<ExitCode>([OF_STATE[state], ...errors.map((code) => OF_CODE[code])]);
  if (isPending) applying.add(EXIT.consumerPending);
  return PRECEDENCE.find((code) => applying.has(code)) ?? EXIT.done;
}
