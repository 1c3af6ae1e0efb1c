import { sourceTime } from '../../core/clock-skew.ts';
import type { Clock, Fetched, Source } from '../../core/contracts.ts';
import type { Credentials, InstanceIdentity, KnownIdentity } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';
import { parseFields } from '../document.ts';
import { outcomeOf } from '../outcome.ts';
import { ImdsClient, type ImdsOptions } from './client.ts';
import { ImdsFault, within } from './exchange.ts';
import { askForRole, parseCredentials } from './role.ts';
import { TOTAL_TIME_MS } from './settings.ts';

export interface ImdsSourceOptions extends ImdsOptions {
  /** As the service gave it earlier in this boot. */
  readonly identity?: KnownIdentity | undefined;
}

/** The role credentials of this EC2 instance. Throws CONFIG_INVALID; a fetch takes half a minute at the most. */
export function createImdsSource({ identity: cached, ...options }: ImdsSourceOptions): Source {
  const client = new ImdsClient(options);
  const endpoint = client.settings.origin;
  let identity: InstanceIdentity = cached?.endpoint === endpoint ? cached : {};
  return {
    async fetch(signal) {
      client.forgetClock();
      try {
        const { role, credentials } = await within(TOTAL_TIME_MS, signal, (ends) => ask(client, options.clock, ends));
        const { clockSkew } = client;
        identity = await identify(client, identity, signal);
        const { instanceId, region } = identity;
        const accountId = credentials.accountId ?? identity.accountId;
        const account = accountId === undefined ? {} : { accountId };
        return {
          ok: true,
          credentials: { ...credentials, ...account },
          origin: {
            ...{ endpoint, role, ...account },
            ...(instanceId !== undefined && { instanceId }),
            ...(region !== undefined && { region }),
          },
          ...known(endpoint, identity),
          ...skew(clockSkew),
        };
      } catch (error) {
        signal.throwIfAborted();
        return { ...outcomeOf(error), ...skew(client.clockSkew) };
      }
    },
  };
}

/** A malformed answer may be well-formed a moment later, as botocore and others have it. */
async function ask(
  client: ImdsClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<{ readonly role: string; readonly credentials: Credentials }> {
  for (let failures = 1; ; failures += 1) {
    try {
      const { role, document } = await askForRole(client, signal);
      return { role, credentials: parseCredentials(document, sourceTime(clock.now(), client.clockSkew)) };
    } catch (error) {
      if (!isTorn(error) || failures >= client.settings.attempts) throw error;
    }
    await client.pause(failures, signal);
  }
}

/** An answer that is torn, empty or of somebody in between; whatever its status says is judged with that. */
function isTorn(error: unknown): boolean {
  return error instanceof AgentError && !(error instanceof ImdsFault) && error.code === 'IMDS_MALFORMED';
}

/** An identity without an account is asked for again. */
function known(endpoint: string, identity: InstanceIdentity): { readonly identity?: KnownIdentity } {
  const { instanceId, accountId } = identity;
  return instanceId === undefined || accountId === undefined
    ? {}
    : { identity: { ...identity, endpoint, instanceId, accountId } };
}

function skew(clockSkew: number | undefined): Pick<Fetched, 'clockSkew'> {
  return clockSkew === undefined ? {} : { clockSkew };
}

/** Fresh credentials are waiting meanwhile: nothing is asked again. */
const ATTEMPTS = 1;

/**
 * Which instance, of which account, this is, where that is not known yet. Not to know is no error: rejects with the
 * signal's reason alone. The account is not part of the credentials that EC2 gives.
 */
async function identify(client: ImdsClient, former: InstanceIdentity, signal: AbortSignal): Promise<InstanceIdentity> {
  if (former.instanceId !== undefined) return former;
  let identity = former;
  try {
    const document = await client.get('dynamic/instance-identity/document', signal, ATTEMPTS);
    identity = document ? parseIdentity(document) : {};
    if (identity.instanceId !== undefined) return identity;
    const answer = await client.get('meta-data/instance-id', signal, ATTEMPTS);
    const instanceId = text(answer?.toString('latin1').trim());
    return instanceId === undefined ? identity : { ...identity, instanceId };
  } catch {
    signal.throwIfAborted();
    return identity;
  }
}

function parseIdentity(body: Buffer): InstanceIdentity {
  const fields = parseFields(body);
  const instanceId = text(fields?.get('instanceid'));
  const accountId = text(fields?.get('accountid'));
  const region = text(fields?.get('region'));
  return {
    ...(instanceId !== undefined && { instanceId }),
    ...(accountId !== undefined && { accountId }),
    ...(region !== undefined && { region }),
  };
}

/** All become part of files and logs. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : undefined;
}
