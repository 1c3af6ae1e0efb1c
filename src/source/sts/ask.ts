import { skewOf, sourceTime } from '../../core/clock-skew.ts';
import type { StsConfig } from '../../core/config.ts';
import {
  HttpError,
  type Clock,
  type Environment,
  type Fetched,
  type Http,
  type HttpOptions,
  type Log,
  type SuccessfulFetch,
  type UserIds,
} from '../../core/contracts.ts';
import type { Credentials } from '../../core/credentials.ts';
import { partsOfRoleArn } from '../../core/region.ts';
import type { Secret } from '../../core/secret.ts';
import { readCertificates } from '../certificates.ts';
import { Gate } from '../gate.ts';
import { persist } from '../persist.ts';
import { within } from '../within.ts';
import { parseAnswer } from './answer.ts';
import { outcomeOf, outOfTime, StsFault, transportFault, type StsAction } from './faults.ts';
import { placeOf, type StsEndpoint } from './place.ts';
import { proxyFor } from './proxy.ts';

export interface StsDeps {
  readonly clock: Clock;
  readonly env: Environment;
  readonly makeHttp: (options: HttpOptions) => Promise<Http>;
  /** The agent's own identity. */
  readonly self: Pick<UserIds, 'uid'>;
  readonly log?: Log;
}

/** A request for a session, and what differs between the sources that make one. */
export interface StsQuestion {
  readonly action: StsAction;
  /** Of whoever asks; the configuration and the environment come first. */
  readonly region?: string | undefined;
  readonly instanceId?: string | undefined;
  /** The user who decides what proves who asks; undefined: root or the agent. */
  readonly user?: number | undefined;
  /** Our clock minus that of AWS, in milliseconds, where that is known already. */
  readonly clockSkew?: number | undefined;
  /** Made again for each request. `now`: by the clock of STS, epoch milliseconds. Rejects with AgentError. */
  readonly request: (place: StsEndpoint, now: number) => Promise<StsRequest>;
  /** Whether there is another proof of who we are by now, since that of the last request has run out. */
  readonly renew: () => Promise<boolean>;
}

export interface StsRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Those in them, which no message may quote. */
  readonly secrets: readonly Secret[];
}

export const FORM = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

/** Real answers are below 8 KiB: policies and tags go into the session token. */
const MAX_BYTES = 65_536;
const TIMEOUT_MS = 10_000;
const TOTAL_TIME_MS = 30_000;
/** With another proof once, and at another time once. All else is tried again by the plan, which spreads a whole fleet. */
const ATTEMPTS = 3;
/** STS takes signatures that are five minutes old; one with a smaller skew was refused for another reason. */
const SKEW_MS = 240_000;

/** A session of a role. Takes half a minute, beside what `renew` takes; rejects when aborted. */
export async function askSts(
  question: StsQuestion,
  config: StsConfig,
  deps: StsDeps,
  signal: AbortSignal,
): Promise<Fetched> {
  const conversation = new Conversation(question, config, deps);
  try {
    return await conversation.begin(signal);
  } catch (error) {
    signal.throwIfAborted();
    const { clockSkew } = conversation;
    return { ...outcomeOf(error), ...(clockSkew !== undefined && { clockSkew }) };
  }
}

/** Warns once, when the source is made. */
export function warnOfIgnored({ env, log }: StsDeps): void {
  const variable = 'NODE_EXTRA_CA_CERTS';
  if (!env[variable]) return;
  log?.warn(`${variable} is ignored: ca_file: names the certificates to trust for STS`, {
    event: 'variable_ignored',
    variable,
  });
}

/** The way to a service over TLS at `origin`, and its trust. Throws AgentError. */
function trust(origin: string, caFile: string | undefined, env: Environment): HttpOptions {
  const ca = readCertificates(caFile, env);
  const proxy = proxyFor(origin, env);
  return { tls: { ...(ca !== undefined && { ca }), ...(proxy && { proxy }) } };
}

/** The requests of one fetch. */
class Conversation {
  /** Our clock minus that of STS, in milliseconds, by its last answer. */
  clockSkew: number | undefined;
  readonly #question: StsQuestion;
  readonly #config: StsConfig;
  readonly #deps: StsDeps;
  /** For a port of this host: whoever came first to it would be shown what proves who we are. */
  #gate: Gate | undefined;
  readonly #tried = new Set<StsFault['remedy']>();
  /** Subtracted from our clock for the time of a signature. */
  #correction: number;

  constructor(question: StsQuestion, config: StsConfig, deps: StsDeps) {
    this.#question = question;
    this.#config = config;
    this.#deps = deps;
    this.#correction = question.clockSkew ?? 0;
  }

  async begin(signal: AbortSignal): Promise<SuccessfulFetch> {
    const { env, makeHttp, clock, self } = this.#deps;
    const place = placeOf(this.#config, env, this.#question.region);
    const { origin } = place;
    const gate = origin.startsWith('http:') ? new Gate(new URL(origin), new Set([0, self.uid])) : undefined;
    this.#gate = gate;
    const http = await makeHttp(
      gate ? { vet: (remote, local) => gate.vet(remote, local) } : trust(origin, this.#config.caFile, env),
    );
    const late = () => outOfTime(origin, TOTAL_TIME_MS);
    const waitAfter = (error: unknown) => this.#remedy(error);
    try {
      const credentials = await within({ ms: TOTAL_TIME_MS, signal, late }, (ends) =>
        persist({ clock, signal: ends, attempts: ATTEMPTS, waitAfter }, () => this.#ask(http, place, ends)),
      );
      return this.#describe(credentials, place);
    } finally {
      // An hour goes by until the next question.
      await http.close();
    }
  }

  /** 0 where STS is to be asked again at once: with another proof, or at another time, once each. */
  async #remedy(error: unknown): Promise<0 | undefined> {
    const remedy = error instanceof StsFault ? error.remedy : 'never';
    if ((remedy !== 'proof' && remedy !== 'time') || this.#tried.has(remedy)) return undefined;
    this.#tried.add(remedy);
    return (remedy === 'proof' ? await this.#question.renew() : this.#correctTime()) ? 0 : undefined;
  }

  #correctTime(): boolean {
    const { clockSkew } = this;
    if (clockSkew === undefined || Math.abs(clockSkew - this.#correction) < SKEW_MS) return false;
    this.#correction = clockSkew;
    return true;
  }

  async #ask(http: Http, place: StsEndpoint, signal: AbortSignal): Promise<Credentials> {
    const { clock } = this.#deps;
    const { origin } = place;
    const { action, request } = this.#question;
    const { headers, body, secrets } = await request(place, clock.now() - this.#correction);
    const way = this.#gate?.approach() ?? origin;
    try {
      const response = await within({ ms: TIMEOUT_MS, signal, late: () => outOfTime(origin, TIMEOUT_MS) }, (ends) =>
        http.request({ headers, body, origin: way, method: 'POST', path: '/', maxBytes: MAX_BYTES, signal: ends }),
      );
      this.clockSkew = skewOf(response.headers, clock.now()) ?? this.clockSkew;
      return parseAnswer(action, response, sourceTime(clock.now(), this.clockSkew), secrets);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof HttpError ? transportFault(origin, error) : error;
    }
  }

  #describe(credentials: Credentials, { origin: endpoint, region }: StsEndpoint): SuccessfulFetch {
    const { roleArn } = this.#config;
    const { accountId } = credentials;
    const { instanceId, user } = this.#question;
    return {
      ok: true,
      credentials,
      origin: {
        endpoint,
        region,
        ...(instanceId !== undefined && { instanceId }),
        role: partsOfRoleArn(roleArn).name,
        ...(accountId !== undefined && { accountId }),
        ...(user !== undefined && { user }),
      },
      ...(this.clockSkew !== undefined && { clockSkew: this.clockSkew }),
    };
  }
}
