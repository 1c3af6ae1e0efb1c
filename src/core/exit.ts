/** Exit codes, after sysexits(3). When several apply, the first of these is the one to act on. */
export const EXIT = {
  config: 78,
  internal: 70,
  refused: 77,
  sinkFailed: 73,
  malformed: 76,
  tempFail: 75,
  noRole: 69,
  consumerPending: 74,
  usage: 64,
  done: 0,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Every error that credrotate reports has one of these codes; branch on the code, never on the message. */
const OF_CODE = {
  CONFIG_INVALID: EXIT.config,
  CONFIG_UNREADABLE: EXIT.config,
  CONFIG_UNSAFE: EXIT.config,
  USAGE: EXIT.usage,
  IMDS_DISABLED: EXIT.noRole,
  IMDS_NO_ROLE: EXIT.noRole,
  IMDS_NOT_FOUND: EXIT.noRole,
  IMDS_DENIED: EXIT.refused,
  IMDS_UNREACHABLE: EXIT.tempFail,
  IMDS_THROTTLED: EXIT.tempFail,
  IMDS_MALFORMED: EXIT.malformed,
  IMDS_EXPIRED: EXIT.tempFail,
  STS_DENIED: EXIT.refused,
  STS_REJECTED: EXIT.config,
  STS_THROTTLED: EXIT.tempFail,
  STS_UNREACHABLE: EXIT.tempFail,
  STS_UNTRUSTED: EXIT.refused,
  STS_MALFORMED: EXIT.malformed,
  SOURCE_DENIED: EXIT.refused,
  SOURCE_UNREACHABLE: EXIT.tempFail,
  SOURCE_MALFORMED: EXIT.malformed,
  CREDENTIALS_OLDER: EXIT.done,
  CREDENTIALS_EXPIRED: EXIT.tempFail,
  SINK_OUTDATED: EXIT.tempFail,
  SINK_UNSAFE_PATH: EXIT.refused,
  SINK_UNTRUSTED_SOURCE: EXIT.refused,
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
  CONSUMER_MISMATCH: EXIT.consumerPending,
  CONSUMER_UNSAFE: EXIT.consumerPending,
  CONSUMER_UNINSPECTABLE: EXIT.consumerPending,
  CONSUMER_FAILED: EXIT.consumerPending,
  CONSUMER_TIMEOUT: EXIT.consumerPending,
  CONSUMER_ENDED: EXIT.consumerPending,
  STATE_ABSENT: EXIT.sinkFailed,
  STATE_UNSAFE: EXIT.refused,
  STATE_UNWRITABLE: EXIT.sinkFailed,
  LOCKDOWN_REFUSED: EXIT.refused,
  LOCKDOWN_UNAVAILABLE: EXIT.noRole,
  LOCKDOWN_FAILED: EXIT.internal,
  AGENT_BUSY: EXIT.tempFail,
  AGENT_ABSENT: EXIT.tempFail,
  INTERNAL: EXIT.internal,
} as const satisfies Record<string, ExitCode>;

export type ErrorCode = keyof typeof OF_CODE;

export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(OF_CODE, text);
}

export function exitCodeOfError(code: ErrorCode): ExitCode {
  return OF_CODE[code];
}

export function worstOf(codes: readonly ExitCode[]): ExitCode {
  return Object.values(EXIT).find((code) => codes.includes(code)) ?? EXIT.done;
}

export function exitCodeOfErrors(errors: readonly { readonly code: ErrorCode }[]): ExitCode {
  return worstOf(errors.map(({ code }) => OF_CODE[code]));
}

/** The meaning of each exit code, as a line of `--help`. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [EXIT.done]: 'done; also if the source fails while the credentials are good',
  [EXIT.usage]: 'the command line is wrong',
  [EXIT.noRole]: 'not there: role, metadata, metadata service, or a tool',
  [EXIT.internal]: 'an error in credrotate itself',
  [EXIT.sinkFailed]: 'a sink could not be written',
  [EXIT.consumerPending]: 'the files are right, but a consumer is still to be notified',
  [EXIT.tempFail]: 'source or agent unreachable, or only expired credentials',
  [EXIT.malformed]: 'the answer of the source is malformed',
  [EXIT.refused]: 'refused for safety, or denied by the source',
  [EXIT.config]: 'the configuration is wrong',
};

/** The least serious first. */
export const EXIT_CODES: readonly ExitCode[] = Object.values(EXIT).sort((a, b) => a - b);

/** `77  refused for safety, or denied by the source` */
export function exitLine(exitCode: ExitCode): string {
  return `${String(exitCode).padStart(2)}  ${EXIT_MEANINGS[exitCode]}`;
}
