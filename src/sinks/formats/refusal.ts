import { AgentError } from '../../core/errors.ts';
import type { Rendered } from '../contract.ts';

export interface NewFile {
  readonly bytes: Buffer;
  readonly warnings: readonly string[];
}

/** Runs a format: a {@link refusal} thrown on the way down becomes its outcome. */
export function rendered(make: () => NewFile): Rendered {
  try {
    return { ok: true, ...make() };
  } catch (error) {
    if (error instanceof AgentError && error.code === 'SINK_FORMAT_REFUSED')
      return { ok: false, error: error.toInfo() };
    throw error;
  }
}

/** Messages give line numbers and the names of our own keys, nothing else of what the file holds: it holds secrets. */
export function refusal(message: string, hint: string): AgentError {
  return new AgentError('SINK_FORMAT_REFUSED', message, { hint });
}
