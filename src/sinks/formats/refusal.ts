import { AgentError, type ErrorInfo } from '../../core/errors.ts';

export interface NewFile {
  readonly bytes: Buffer;
  readonly warnings: readonly string[];
}

/** Runs a format: a {@link refusal} thrown on the way down becomes its outcome. */
export function rendered<T>(make: () => T): ({ readonly ok: true } & T) | Refused {
  try {
    return { ok: true, ...make() };
  } catch (error) {
    if (error instanceof AgentError && error.code === 'SINK_FORMAT_REFUSED')
      return { ok: false, error: error.toInfo() };
    throw error;
  }
}

interface Refused {
  readonly ok: false;
  readonly error: ErrorInfo;
}

/** Messages give line numbers and the names of our own keys, nothing else of what the file holds: it holds secrets. */
export function refusal(message: string, hint: string): AgentError {
  return new AgentError('SINK_FORMAT_REFUSED', message, { hint });
}
