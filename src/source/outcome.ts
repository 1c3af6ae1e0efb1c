import type { FailedFetch } from '../core/contracts.ts';
import { AgentError, type ErrorCode } from '../core/errors.ts';

const STATES: Partial<Record<ErrorCode, FailedFetch['state']>> = {
  IMDS_DISABLED: 'disabled',
  IMDS_NO_ROLE: 'no_role',
  IMDS_DENIED: 'denied',
  IMDS_UNREACHABLE: 'unreachable',
  IMDS_THROTTLED: 'unreachable',
  IMDS_MALFORMED: 'malformed',
  IMDS_EXPIRED: 'expired',
  STS_DENIED: 'denied',
  STS_REJECTED: 'denied',
  STS_THROTTLED: 'unreachable',
  STS_UNREACHABLE: 'unreachable',
  STS_UNTRUSTED: 'denied',
  STS_MALFORMED: 'malformed',
  SOURCE_DENIED: 'denied',
  SOURCE_UNREACHABLE: 'unreachable',
  SOURCE_MALFORMED: 'malformed',
  CREDENTIALS_EXPIRED: 'expired',
  CONFIG_INVALID: 'denied',
  CONFIG_UNREADABLE: 'denied',
  CONFIG_UNSAFE: 'denied',
};

/** The outcome of a fetch that failed so. An unforeseen error is not an outcome, and is thrown on. */
export function outcomeOf(error: unknown, retry?: FailedFetch['retry']): FailedFetch {
  const state = error instanceof AgentError ? STATES[error.code] : undefined;
  if (!(error instanceof AgentError) || state === undefined) throw error;
  return { ok: false, state, error: error.toInfo(), ...(retry && { retry }) };
}
