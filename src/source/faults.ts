import { formatExpiration, type Credentials } from '../core/credentials.ts';
import { AgentError } from '../core/errors.ts';

/** Errors of sources that others provide; outcome.ts has the outcome of each. */

/** It stays so until somebody changes something. */
export function denied(message: string, hint?: string): AgentError {
  return new AgentError('SOURCE_DENIED', message, { hint });
}

export function unreachable(message: string, hint?: string): AgentError {
  return new AgentError('SOURCE_UNREACHABLE', message, { hint });
}

export function malformed(message: string, hint?: string): AgentError {
  return new AgentError('SOURCE_MALFORMED', message, { hint });
}

/** Gives credentials that are good at `now` (epoch milliseconds). `path`: of what gave them. Throws CREDENTIALS_EXPIRED. */
export function refuseExpired(credentials: Credentials, path: string, now: number, hint: string): Credentials {
  if (credentials.expiration > now) return credentials;
  const got = `some that expired at ${formatExpiration(credentials.expiration)}`;
  throw new AgentError('CREDENTIALS_EXPIRED', `${path}: expected credentials that are good, got ${got}`, { hint });
}
