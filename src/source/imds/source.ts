import type { Fetched, Source } from '../../core/contracts.ts';
import { AgentError, type ErrorCode, type ErrorInfo } from '../../core/errors.ts';
import { ImdsClient, outOfTime, TOTAL_TIME, type ImdsOptions, type Metadata } from './client.ts';
import { within } from './deadline.ts';
import { askForRole } from './discovery.ts';
import { parseCredentials } from './document.ts';
import { InstanceIdentity } from './identity.ts';

type Failed = Extract<Fetched, { ok: false }>;

/** Below it, seconds and the way of the answer blur the comparison. */
const NOTABLE_SKEW = 60_000;

const STATES: Partial<Record<ErrorCode, Failed['state']>> = {
  IMDS_DISABLED: 'disabled',
  IMDS_NO_ROLE: 'no_role',
  IMDS_DENIED: 'denied',
  IMDS_UNREACHABLE: 'unreachable',
  IMDS_THROTTLED: 'unreachable',
  IMDS_MALFORMED: 'malformed',
  IMDS_EXPIRED: 'expired',
};

/** The role credentials of this EC2 instance. Throws CONFIG_INVALID; a fetch takes half a minute at the most. */
export function createImdsSource(options: ImdsOptions): Source {
  return new ImdsSource(options);
}

class ImdsSource implements Source {
  readonly #client: ImdsClient;
  readonly #identity: InstanceIdentity;
  readonly #now: () => number;

  constructor(options: ImdsOptions) {
    this.#client = new ImdsClient(options);
    this.#identity = new InstanceIdentity(this.#client);
    this.#now = () => options.clock.now();
  }

  async fetch(signal: AbortSignal): Promise<Fetched> {
    let answer: Metadata | undefined;
    try {
      const found = await within(TOTAL_TIME, signal, outOfTime, (bounded) => askForRole(this.#client, bounded));
      answer = found.answer;
      const credentials = parseCredentials(answer.body, this.#now());
      const identity = await this.#identity.get(signal);
      const accountId = credentials.accountId ?? identity.accountId;
      const account = accountId === undefined ? {} : { accountId };
      return {
        ok: true,
        credentials: { ...credentials, ...account },
        origin: { ...identity, role: found.role, ...account },
        ...skew(answer),
      };
    } catch (error) {
      signal.throwIfAborted();
      return failed(error, answer);
    }
  }
}

/** What nobody foresaw is not an outcome, and is thrown on. */
function failed(error: unknown, answer: Metadata | undefined): Failed {
  const state = error instanceof AgentError ? STATES[error.code] : undefined;
  if (!(error instanceof AgentError) || state === undefined) throw error;
  return { ok: false, state, error: withClock(error.toInfo(), answer?.clockSkew), ...skew(answer) };
}

function skew(answer: Metadata | undefined): { readonly clockSkew?: number } {
  return answer?.clockSkew === undefined ? {} : { clockSkew: answer.clockSkew };
}

/** Credentials that look expired here may be good: then it is our clock that must be set right. */
function withClock(error: ErrorInfo, clockSkew = 0): ErrorInfo {
  if (error.code !== 'IMDS_EXPIRED' || clockSkew < NOTABLE_SKEW) return error;
  const seconds = Math.round(clockSkew / 1000);
  return { ...error, hint: `the clock of this host is ${seconds} s ahead of the metadata service's: set it right` };
}
