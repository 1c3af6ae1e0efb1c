import { sourceTime } from '../../core/clock-skew.ts';
import type { Fetched, Source } from '../../core/contracts.ts';
import type { Credentials, Identity, KnownIdentity } from '../../core/credentials.ts';
import { AgentError, type ErrorCode } from '../../core/errors.ts';
import { parseFields } from '../document.ts';
import { ImdsClient, outOfTime, type ImdsOptions } from './client.ts';
import { ImdsFault, within } from './exchange.ts';
import { askForRole, parseCredentials } from './role.ts';
import { TOTAL_TIME } from './settings.ts';

type Failed = Extract<Fetched, { ok: false }>;

const STATES: Partial<Record<ErrorCode, Failed['state']>> = {
  IMDS_DISABLED: 'disabled',
  IMDS_NO_ROLE: 'no_role',
  IMDS_DENIED: 'denied',
  IMDS_UNREACHABLE: 'unreachable',
  IMDS_THROTTLED: 'unreachable',
  IMDS_MALFORMED: 'malformed',
  IMDS_EXPIRED: 'expired',
};

interface SourceOptions extends ImdsOptions {
  /** As it was told before, since the instance was started. */
  readonly identity?: KnownIdentity | undefined;
}

/** The role credentials of this EC2 instance. Throws CONFIG_INVALID; a fetch takes half a minute at the most. */
export function createImdsSource(options: SourceOptions): Source {
  return new ImdsSource(options);
}

class ImdsSource implements Source {
  readonly #client: ImdsClient;
  readonly #identity: InstanceIdentity;
  readonly #now: () => number;

  constructor(options: SourceOptions) {
    this.#client = new ImdsClient(options);
    this.#identity = new InstanceIdentity(this.#client, options.identity);
    this.#now = () => options.clock.now();
  }

  /** What makes no sense may do so a moment later, as botocore and others have it. */
  async #ask(signal: AbortSignal): Promise<{ readonly role: string; readonly credentials: Credentials }> {
    for (let failures = 1; ; failures += 1) {
      try {
        const { role, document } = await askForRole(this.#client, signal);
        return { role, credentials: parseCredentials(document, sourceTime(this.#now(), this.#client.clockSkew)) };
      } catch (error) {
        if (!isTorn(error) || failures >= this.#client.settings.attempts) throw error;
      }
      await this.#client.pause(failures, signal);
    }
  }

  async fetch(signal: AbortSignal): Promise<Fetched> {
    this.#client.forgetClock();
    try {
      const { role, credentials } = await within(TOTAL_TIME, signal, outOfTime, (ends) => this.#ask(ends));
      const { clockSkew } = this.#client;
      const identity = await this.#identity.get(signal);
      const accountId = credentials.accountId ?? identity.accountId;
      const account = accountId === undefined ? {} : { accountId };
      return {
        ok: true,
        credentials: { ...credentials, ...account },
        origin: { endpoint: this.#client.settings.origin, ...identity, role, ...account },
        ...known(this.#client.settings.origin, identity),
        ...skew(clockSkew),
      };
    } catch (error) {
      signal.throwIfAborted();
      return { ...failed(error), ...skew(this.#client.clockSkew) };
    }
  }
}

/** An answer that is torn, empty or of somebody in between; whatever its status says is judged with that. */
function isTorn(error: unknown): boolean {
  return error instanceof AgentError && !(error instanceof ImdsFault) && error.code === 'IMDS_MALFORMED';
}

/** One without an account is asked for again. */
function known(endpoint: string, { instanceId, accountId }: Identity): { readonly identity?: KnownIdentity } {
  return instanceId === undefined || accountId === undefined ? {} : { identity: { endpoint, instanceId, accountId } };
}

function skew(clockSkew: number | undefined): Pick<Fetched, 'clockSkew'> {
  return clockSkew === undefined ? {} : { clockSkew };
}

/** What nobody foresaw is not an outcome, and is thrown on. */
function failed(error: unknown): Failed {
  const state = error instanceof AgentError ? STATES[error.code] : undefined;
  if (!(error instanceof AgentError) || state === undefined) throw error;
  return { ok: false, state, error: error.toInfo() };
}

/**
 * Which instance, of which account, this is: asked once, unless this endpoint told it before, and again at later fetches
 * while the instance is unknown. Not to know is no error. The account is not part of the credentials that EC2 gives.
 */
class InstanceIdentity {
  readonly #client: ImdsClient;
  #known: Identity = {};

  constructor(client: ImdsClient, known: KnownIdentity | undefined) {
    this.#client = client;
    if (known?.endpoint !== client.settings.origin) return;
    const { instanceId, accountId } = known;
    this.#known = { instanceId, accountId };
  }

  /** Rejects with the signal's reason alone. */
  async get(signal: AbortSignal): Promise<Identity> {
    if (this.#known.instanceId !== undefined) return this.#known;
    try {
      const document = await this.#once('dynamic/instance-identity/document', signal);
      this.#known = document ? parseIdentity(document) : {};
      if (this.#known.instanceId !== undefined) return this.#known;
      const id = text((await this.#once('meta-data/instance-id', signal))?.toString('latin1').trim());
      if (id !== undefined) this.#known = { ...this.#known, instanceId: id };
    } catch {
      signal.throwIfAborted();
    }
    return this.#known;
  }

  /** Fresh credentials are waiting meanwhile: no retries. */
  async #once(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
    return this.#client.get(path, signal, 1);
  }
}

function parseIdentity(body: Buffer): Identity {
  const fields = parseFields(body);
  const instanceId = text(fields?.get('instanceid'));
  const accountId = text(fields?.get('accountid'));
  return { ...(instanceId !== undefined && { instanceId }), ...(accountId !== undefined && { accountId }) };
}

/** Both become part of files and logs. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : undefined;
}
