import { HttpError, type Http, type HttpRequest, type HttpResponse } from '../../core/contracts.ts';
import { AgentError } from '../../core/errors.ts';
import { within } from './deadline.ts';
import { transportFault } from './fault.ts';
import type { ImdsSettings } from './settings.ts';

/** Real answers are below 2 KiB, user data is below 16. */
const MAX_BYTES = 65_536;

/**
 * One request and its answer, whatever the status. The time allowed counts from the connection to the last byte of
 * the body. Rejects with an ImdsFault, or with the signal's reason.
 */
export type Exchange = (
  request: Pick<HttpRequest, 'method' | 'path' | 'headers'>,
  signal: AbortSignal,
) => Promise<HttpResponse>;

export function createExchange(http: Http, { origin, timeout }: ImdsSettings): Exchange {
  return async (request, signal) => {
    const asked = { ...request, origin };
    try {
      return await within(timeout, signal, late, (bounded) =>
        http.request({ ...asked, maxBytes: MAX_BYTES, signal: bounded }),
      );
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof HttpError ? transportFault(asked, error) : error;
    }
  };
}

/** Never seen: the HTTP error that it leads to says more. */
function late(): Error {
  return new AgentError('IMDS_UNREACHABLE', 'expected an answer in time, got none');
}
