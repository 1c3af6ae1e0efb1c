import type { Identity, KnownIdentity } from '../../core/credentials.ts';
import type { ImdsClient } from './client.ts';
import { parseFields } from './json.ts';

/**
 * Which instance, of which account, this is: asked once, unless this endpoint told it before, and again at later fetches
 * while the instance is unknown. Not to know is no error. The account is not part of the credentials that EC2 gives.
 */
export class InstanceIdentity {
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
