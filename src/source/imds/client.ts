import { skewOf } from '../../core/clock-skew.ts';
import type { ImdsConfig } from '../../core/config.ts';
import type { Clock, Environment, Http, HttpResponse, Log } from '../../core/contracts.ts';
import { isEc2 } from '../../core/endpoint.ts';
import { AgentError } from '../../core/errors.ts';
import { createExchange, ImdsFault, PROHIBITED, statusFault, within, type ImdsExchange } from './exchange.ts';
import { resolveSettings, TOTAL_TIME_MS, type ImdsSettings } from './settings.ts';
import { TokenCache } from './token.ts';

export interface ImdsOptions {
  readonly http: Http;
  readonly clock: Clock;
  readonly config: ImdsConfig;
  readonly env: Environment;
  /** Told when IMDSv1 has to do. */
  readonly log?: Log;
}

/** The first wait before a retry is up to this, each further one up to twice as long. */
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

export class ImdsClient {
  readonly settings: ImdsSettings;
  readonly #clock: Clock;
  readonly #exchange: ImdsExchange;
  readonly #tokens: TokenCache;
  #clockSkew: number | undefined;

  /** Throws CONFIG_INVALID. */
  constructor({ http, clock, config, env, log }: ImdsOptions) {
    this.settings = resolveSettings(config, env);
    this.#clock = clock;
    const exchange = createExchange(http, this.settings);
    this.#exchange = async (request, ends) => {
      const response = await exchange(request, ends);
      this.#clockSkew = skewOf(response.headers, clock.now()) ?? this.#clockSkew;
      return response;
    };
    this.#tokens = new TokenCache({ exchange: this.#exchange, clock, settings: this.settings, log });
  }

  /** Our clock minus the service's, in milliseconds, to the second: by its last answer, good or bad. */
  get clockSkew(): number | undefined {
    return this.#clockSkew;
  }

  /** Either clock may be set at any time: what was heard counts no longer. */
  forgetClock(): void {
    this.#clockSkew = undefined;
  }

  /**
   * The value at `path`: below `/latest/`, such as `meta-data/instance-id`, or below another version when it begins
   * with a slash. Undefined: there is no such thing (404). `attempts` replaces the configured number.
   * Rejects with an AgentError of an IMDS code, or with the signal's reason.
   */
  async get(path: string, signal: AbortSignal, attempts = this.settings.attempts): Promise<Buffer | undefined> {
    if (this.settings.disabled) {
      throw new AgentError('IMDS_DISABLED', 'AWS_EC2_METADATA_DISABLED: expected it unset, got true', {
        hint: 'take the variable out of the environment that credrotate runs in',
      });
    }
    const absolute = path.startsWith('/') ? path : `/latest/${path}`;
    if (!/^[\x21-\x7e]+$/.test(absolute)) {
      throw new AgentError('USAGE', 'metadata path: expected visible ASCII, got other characters', {
        hint: 'percent-encode them',
      });
    }
    return within(TOTAL_TIME_MS, signal, (bounded) => this.#persist(absolute, bounded, attempts));
  }

  /** A wait of random length before the retry after so many failures; longer ones from one to the next. */
  async pause(failures: number, signal: AbortSignal): Promise<void> {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
    await this.#clock.sleep(this.#clock.random() * longest, signal);
    signal.throwIfAborted();
  }

  async #persist(path: string, signal: AbortSignal, attempts: number): Promise<Buffer | undefined> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#ask(path, signal).catch((error: unknown) => this.#askAround(error, path, signal));
      } catch (error) {
        if (!(error instanceof ImdsFault) || !error.verdict.retry || failures >= attempts) throw error;
      }
      await this.pause(failures, signal);
    }
  }

  async #ask(path: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const token = await this.#tokens.get(signal);
    let response = await this.#send(path, token, signal);
    if (response.status === 401 && token !== undefined) {
      this.#tokens.discard(token);
      response = await this.#send(path, await this.#tokens.get(signal), signal);
    }
    if (response.status === 404) return undefined;
    if (response.status !== 200) {
      throw statusFault({ method: 'GET', origin: this.settings.origin, path }, response.status);
    }
    return response.body;
  }

  /** Where a route refuses, systemd-imdsd may have made it, and answers in place of the service. */
  async #askAround(error: unknown, path: string, signal: AbortSignal): Promise<Buffer | undefined> {
    const isProhibited = error instanceof ImdsFault && error.verdict === PROHIBITED;
    if (!isProhibited || !isEc2(this.settings.origin)) throw error;
    const { askImdsd } = await import('./imdsd.ts');
    return askImdsd(path, signal);
  }

  async #send(path: string, token: string | undefined, signal: AbortSignal): Promise<HttpResponse> {
    const headers: Record<string, string> = token === undefined ? {} : { 'x-aws-ec2-metadata-token': token };
    return this.#exchange({ method: 'GET', path, headers }, signal);
  }
}
