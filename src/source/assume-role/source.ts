import { sourceTime } from '../../core/clock-skew.ts';
import type { AssumeRoleConfig } from '../../core/config.ts';
import {
  HttpError,
  type Base,
  type Clock,
  type Environment,
  type Http,
  type HttpResponse,
  type HttpOptions,
  type Log,
  type Source,
  type SuccessfulFetch,
} from '../../core/contracts.ts';
import type { Credentials } from '../../core/credentials.ts';
import { partsOfRoleArn } from '../../core/region.ts';
import { within } from '../within.ts';
import { parseAnswer } from '../sts/answer.ts';
import { readCertificates } from '../sts/certificates.ts';
import { otherAccount, outcomeOf, outOfTime, StsFault, transportFault } from '../sts/faults.ts';
import { placeOf, type StsEndpoint } from '../sts/place.ts';
import { proxyFor } from '../sts/proxy.ts';
import { formOf } from './request.ts';
import { sign } from './sign.ts';

export interface AssumeRoleDeps {
  readonly base: Base;
  readonly clock: Clock;
  readonly env: Environment;
  readonly makeHttp: (options: HttpOptions) => Promise<Http>;
  readonly log?: Log;
}

/** Real answers are below 8 KiB: policies and tags go into the session token. */
const MAX_BYTES = 65_536;
const TIMEOUT_MS = 10_000;
const TOTAL_TIME_MS = 30_000;
/** The first question included. */
const ATTEMPTS = 3;
/** The longest of the random waits before the first retry; twice as long before the second. Many share what throttles. */
const WAIT_MS = { again: 500, throttled: 4_000 };
/** STS takes signatures that are five minutes old; one with a smaller skew was refused for another reason. */
const SKEW_MS = 240_000;

/** A session of another role, asked for with the credentials of the base. A fetch takes half a minute beside the base's. */
export function createAssumeRoleSource(config: AssumeRoleConfig, deps: AssumeRoleDeps): Source {
  warnOfIgnored(deps);
  return {
    isIssuer: true,
    async fetch(signal) {
      const base = await deps.base.fetch(signal);
      if (!base.ok) return base;
      const session = new StsExchange(config, deps, base);
      try {
        return await session.assume(signal);
      } catch (error) {
        signal.throwIfAborted();
        const { clockSkew } = session;
        return { ...outcomeOf(error), ...(clockSkew !== undefined && { clockSkew }) };
      }
    },
  };
}

function warnOfIgnored({ env, log }: AssumeRoleDeps): void {
  const variable = 'NODE_EXTRA_CA_CERTS';
  if (!env[variable]) return;
  log?.warn(`${variable} is ignored: ca_file: names the certificates to trust for STS`, {
    event: 'variable_ignored',
    variable,
  });
}

/** The questions of one fetch. */
class StsExchange {
  /** Our clock minus that of STS, in milliseconds, as its last answer told it. */
  clockSkew: number | undefined;
  readonly #config: AssumeRoleConfig;
  readonly #deps: AssumeRoleDeps;
  #base: SuccessfulFetch;
  /** Of whoever asked. The base is asked for others as well: the end of our time must not be the end of their question. */
  #signal = new AbortController().signal;
  /** Subtracted from our clock for the time of a signature. */
  #correction: number;

  constructor(config: AssumeRoleConfig, deps: AssumeRoleDeps, base: SuccessfulFetch) {
    this.#config = config;
    this.#deps = deps;
    this.#base = base;
    this.#correction = base.clockSkew ?? 0;
  }

  async assume(signal: AbortSignal): Promise<SuccessfulFetch> {
    this.#signal = signal;
    const { env, makeHttp } = this.#deps;
    const place = placeOf(this.#config, env, this.#base.origin.region);
    const { origin } = place;
    const http = await makeHttp(this.#trust(origin));
    try {
      const late = () => outOfTime(origin, TOTAL_TIME_MS);
      const credentials = await within({ ms: TOTAL_TIME_MS, signal, late }, (ends) => this.#persist(http, place, ends));
      return this.#describe(credentials, place);
    } finally {
      // An hour goes by until the next question.
      await http.close();
    }
  }

  #trust(origin: string): HttpOptions {
    if (origin.startsWith('http:')) return {};
    const { env } = this.#deps;
    const ca = readCertificates(this.#config.caFile, env, process.getuid?.() ?? 0);
    const proxy = proxyFor(origin, env);
    return { tls: { ...(ca !== undefined && { ca }), ...(proxy && { proxy }) } };
  }

  async #persist(http: Http, place: StsEndpoint, signal: AbortSignal): Promise<Credentials> {
    const tried = new Set<StsFault['remedy']>();
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#ask(http, place, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof StsFault) || failures >= ATTEMPTS) throw error;
        if (!(await this.#remedied(error.remedy, { tried, failures, signal }))) throw error;
      }
    }
  }

  /** Whether to ask again; with other base credentials, or at another time, once each. */
  async #remedied(
    remedy: StsFault['remedy'],
    { tried, failures, signal }: { tried: Set<StsFault['remedy']>; failures: number; signal: AbortSignal },
  ): Promise<boolean> {
    if (remedy === 'again' || remedy === 'throttled') {
      await this.#pause(WAIT_MS[remedy] * 2 ** (failures - 1), signal);
      return true;
    }
    if (remedy === 'never' || tried.has(remedy)) return false;
    tried.add(remedy);
    return remedy === 'base' ? await this.#renewBase() : this.#correctTime();
  }

  async #renewBase(): Promise<boolean> {
    const base = await this.#deps.base.fetch(this.#signal, true);
    if (base.ok) this.#base = base;
    return base.ok;
  }

  #correctTime(): boolean {
    const { clockSkew } = this;
    if (clockSkew === undefined || Math.abs(clockSkew - this.#correction) < SKEW_MS) return false;
    this.#correction = clockSkew;
    return true;
  }

  async #ask(http: Http, { origin, region }: StsEndpoint, signal: AbortSignal): Promise<Credentials> {
    const { clock } = this.#deps;
    const body = formOf(this.#config, this.#base.origin);
    const headers = await sign(
      { origin, body, headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } },
      { credentials: this.#base.credentials, region, now: clock.now() - this.#correction },
    );
    const response = await this.#post(http, { origin, headers, body }, signal);
    this.clockSkew = skewOf(response, clock.now()) ?? this.clockSkew;
    return parseAnswer(response, sourceTime(clock.now(), this.clockSkew));
  }

  async #post(
    http: Http,
    request: { origin: string; headers: Record<string, string>; body: string },
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const { origin } = request;
    try {
      return await within({ ms: TIMEOUT_MS, signal, late: () => outOfTime(origin, TIMEOUT_MS) }, (ends) =>
        http.request({ ...request, method: 'POST', path: '/', maxBytes: MAX_BYTES, signal: ends }),
      );
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof HttpError ? transportFault(origin, error) : error;
    }
  }

  async #pause(longest: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    await clock.sleep(clock.random() * longest, signal);
    signal.throwIfAborted();
  }

  #describe(credentials: Credentials, { origin: endpoint, region }: StsEndpoint): SuccessfulFetch {
    const { roleArn, expectAccount } = this.#config;
    const { accountId } = credentials;
    if (expectAccount !== undefined && accountId !== expectAccount) throw otherAccount(expectAccount, accountId);
    const { instanceId } = this.#base.origin;
    return {
      ok: true,
      credentials,
      origin: {
        endpoint,
        region,
        ...(instanceId !== undefined && { instanceId }),
        role: partsOfRoleArn(roleArn).name,
        ...(accountId !== undefined && { accountId }),
      },
      ...(this.clockSkew !== undefined && { clockSkew: this.clockSkew }),
    };
  }
}

/** An answer out of a cache tells the time at which it was put there. */
function skewOf({ headers }: HttpResponse, now: number): number | undefined {
  const told = Date.parse(headers['date'] ?? '');
  return Number.isNaN(told) || headers['age'] !== undefined ? undefined : now - told;
}
