import type { Clock, HttpResponse, Log } from '../../core/contracts.ts';
import { AgentError } from '../../core/errors.ts';
import { malformed, statusFault, type ImdsExchange } from './exchange.ts';
import type { ImdsSettings } from './settings.ts';

const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
/** Six hours, the most that EC2 gives. */
const MAX_TTL = 21_600;
/** A token is not used in its last two minutes, so that none ends on the way. */
const MARGIN = 120;
const PATH = '/latest/api/token';

interface Token {
  readonly value: string;
  /** Epoch milliseconds. */
  readonly replaceAt: number;
}

interface TokenOptions {
  readonly exchange: ImdsExchange;
  readonly clock: Clock;
  readonly settings: ImdsSettings;
  readonly log: Log | undefined;
}

/** The session token of IMDSv2, in memory alone. */
export class TokenCache {
  readonly #options: TokenOptions;
  #token: Token | undefined;
  #flight: Promise<string | undefined> | undefined;
  #isWithout = false;

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  /**
   * Undefined: ask without one, as IMDSv1 does. A request during the fetch of a token waits for it.
   * Rejects with an AgentError, or with the signal's reason.
   */
  async get(signal: AbortSignal): Promise<string | undefined> {
    if (this.#token && this.#options.clock.now() < this.#token.replaceAt) return this.#token.value;
    const others = this.#flight;
    if (!others) {
      this.#flight = this.#request(signal).finally(() => {
        this.#flight = undefined;
      });
      return this.#flight;
    }
    try {
      return await others;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AgentError) throw error;
      // The request that fetched it was aborted; this one was not.
      return this.get(signal);
    }
  }

  /** The service refused the token that was sent; one that has replaced it meanwhile is kept. */
  discard(sent: string): void {
    if (this.#token?.value === sent) this.#token = undefined;
  }

  async #request(signal: AbortSignal): Promise<string | undefined> {
    const { exchange, settings } = this.#options;
    const response = await exchange({ method: 'PUT', path: PATH, headers: { [TTL_HEADER]: String(MAX_TTL) } }, signal);
    const { status } = response;
    if (status === 200) return this.#keep(response);
    // Only these answers mean that IMDSv2 is missing; a throttled or failing service recovers.
    if (settings.allowV1 && (status === 403 || status === 404 || status === 405)) {
      this.#warn(status);
      return undefined;
    }
    throw statusFault({ method: 'PUT', origin: settings.origin, path: PATH }, status);
  }

  #keep({ body, headers }: HttpResponse): string {
    const value = body.toString('latin1').trim();
    if (!/^[\x21-\x7e]+$/.test(value) || value.startsWith('<')) {
      const got = value === '' ? 'nothing' : 'something else';
      throw malformed(`PUT ${PATH}: expected a token, got ${got}`);
    }
    const ttl = parseTtl(headers[TTL_HEADER]);
    const usable = ttl - Math.min(MARGIN, ttl / 2);
    this.#token = { value, replaceAt: this.#options.clock.now() + usable * 1000 };
    this.#isWithout = false;
    return value;
  }

  /** Once, until there is a token again: the question comes with each request. */
  #warn(status: number): void {
    if (this.#isWithout) return;
    this.#isWithout = true;
    this.#options.log?.warn(
      `no IMDSv2 token (status ${status}): going on with IMDSv1, since imds.v1 is allow; whoever can make a program ` +
        'of this host send a request gets the credentials, too',
      { event: 'imds_v1_used', status },
    );
  }
}

/** Seconds. A service that does not say how long its token lives gets a new request each time. */
function parseTtl(text: string | undefined): number {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(Number(text), MAX_TTL) : 0;
}
