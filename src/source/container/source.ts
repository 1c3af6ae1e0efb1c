import { skewOf, sourceTime } from '../../core/clock-skew.ts';
import type { ContainerConfig } from '../../core/config.ts';
import {
  HttpError,
  type Clock,
  type Environment,
  type Http,
  type HttpOptions,
  type HttpResponse,
  type Source,
  type SuccessfulFetch,
  type UserIds,
  type Users,
} from '../../core/contracts.ts';
import { formatExpiration, type Credentials, type Origin } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';
import { partsOfRoleArn, ROLE_ARN } from '../../core/region.ts';
import type { Secret } from '../../core/secret.ts';
import { readCertificates } from '../certificates.ts';
import { credentialsIn, parseFields, type Fields } from '../document.ts';
import { Gate } from '../gate.ts';
import { outcomeOf } from '../outcome.ts';
import { persist } from '../persist.ts';
import { within } from '../within.ts';
import { locate, type ContainerEndpoint } from './endpoint.ts';
import { ContainerFault, malformed, outOfTime, refusal, transportFault } from './faults.ts';

export interface ContainerDeps {
  readonly clock: Clock;
  readonly env: Environment;
  readonly users: Users;
  /** The agent's own identity. */
  readonly self: UserIds;
  readonly makeHttp: (options: HttpOptions) => Promise<Http>;
}

/** Real answers are below 8 KiB. */
const MAX_BYTES = 65_536;
const TIMEOUT_MS = 5_000;
const TOTAL_TIME_MS = 30_000;
const ATTEMPTS = 3;
/** The longest of the random waits before the first retry: endpoints are local, and start with their host. */
const WAIT_MS = 1_000;

/** The credentials of this container, pod or device, as its host gives them. A fetch takes half a minute. */
export function createContainerSource(config: ContainerConfig, deps: ContainerDeps): Source {
  return {
    async fetch(signal) {
      try {
        const endpoint = locate(config, deps.env);
        const late = () => outOfTime(endpoint.url, TOTAL_TIME_MS);
        return await within({ ms: TOTAL_TIME_MS, signal, late }, (ends) => ask(endpoint, config, deps, ends));
      } catch (error) {
        signal.throwIfAborted();
        return outcomeOf(error);
      }
    },
    async user() {
      const { url } = locate(config, deps.env);
      if (url.protocol !== 'http:') return undefined;
      const gate = new Gate(url, await allowedBy(config, deps));
      gate.approach();
      return gate.user;
    },
  };
}

async function ask(
  { url, token }: ContainerEndpoint,
  config: ContainerConfig,
  deps: ContainerDeps,
  signal: AbortSignal,
): Promise<SuccessfulFetch> {
  const { clock, env, makeHttp } = deps;
  const gate = url.protocol === 'http:' ? new Gate(url, await allowedBy(config, deps)) : undefined;
  const ca = gate ? undefined : readCertificates(config.caFile, env);
  const options: HttpOptions = gate
    ? { vet: (remote, local) => gate.vet(remote, local) }
    : { tls: { ...(ca !== undefined && { ca }) } };
  const waitAfter = (error: unknown) => (error instanceof ContainerFault && error.passes ? WAIT_MS : undefined);
  return await persist({ clock, signal, attempts: ATTEMPTS, waitAfter }, async () => {
    const shown = token(clock.now());
    // Each has a connection of its own: one that was kept is not vetted again, and may be of a user who listens no more.
    const http = await makeHttp(options);
    try {
      const response = await get(http, { url, origin: gate?.approach() ?? url.origin, shown }, signal);
      const clockSkew = skewOf(response.headers, clock.now());
      const fetched = describe({ url, shown }, response, sourceTime(clock.now(), clockSkew));
      const { user } = gate ?? {};
      return {
        ...fetched,
        origin: { ...fetched.origin, ...(user !== undefined && { user }) },
        ...(clockSkew !== undefined && { clockSkew }),
      };
    } finally {
      await http.close();
    }
  });
}

/** Users who may listen at a port of this host. Rejects with CONFIG_INVALID. */
async function allowedBy({ user }: ContainerConfig, { users, self }: ContainerDeps): Promise<ReadonlySet<number>> {
  if (user === undefined) return new Set([0, self.uid]);
  const found = await users.user(user).catch(() => undefined);
  if (found) return new Set([0, self.uid, found.uid]);
  throw new AgentError('CONFIG_INVALID', 'user: expected a user of this host, got none of that name or number', {
    hint: 'see the names: getent passwd',
  });
}

/** Where it is asked, and the token that it is shown. */
interface ContainerQuestion {
  readonly url: URL;
  readonly shown: Secret | undefined;
}

/** The path is kept out of every message: that of ECS is as good as a token. */
async function get(
  http: Http,
  { url, origin, shown }: ContainerQuestion & { readonly origin: string },
  signal: AbortSignal,
): Promise<HttpResponse> {
  const headers = { host: url.host, accept: 'application/json', ...(shown && { authorization: shown.reveal() }) };
  const path = `${url.pathname}${url.search}`;
  try {
    return await within({ ms: TIMEOUT_MS, signal, late: () => outOfTime(url, TIMEOUT_MS) }, (ends) =>
      http.request({ origin, method: 'GET', path, headers, maxBytes: MAX_BYTES, signal: ends }),
    );
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof HttpError ? transportFault(url, error) : error;
  }
}

/** The credentials in an answer, judged at `now`, a time of its maker's clock. Throws AgentError. */
function describe({ url, shown }: ContainerQuestion, { status, body }: HttpResponse, now: number): SuccessfulFetch {
  const fields = parseFields(body);
  const code = fields?.get('code');
  const isRefused = typeof code === 'string' && code.toLowerCase() !== 'success';
  if (status !== 200 || isRefused) throw refusal(url, status, { body, fields, token: shown });
  const unlike = (expected: string, got: string): AgentError => malformed(url, expected, got);
  if (fields === undefined) throw unlike('a JSON object', `${body.length} bytes of something else`);
  const credentials = credentialsIn(fields, ['Token'], unlike);
  if (credentials.expiration <= now) {
    const got = `some that expired at ${formatExpiration(credentials.expiration)}`;
    throw new AgentError('CREDENTIALS_EXPIRED', `GET ${url.origin}: expected credentials that are good, got ${got}`, {
      hint: 'what answers there does not renew them, or the clock of this host is ahead (timedatectl)',
    });
  }
  return { ok: true, credentials, origin: { endpoint: url.origin, ...identityOf(credentials, fields) } };
}

/** ECS names the role, EKS Pod Identity the account. */
function identityOf({ accountId }: Credentials, fields: Fields): Pick<Origin, 'role' | 'accountId'> {
  const arn = fields.get('rolearn');
  const { name: role, accountId: account = accountId } =
    typeof arn === 'string' && ROLE_ARN.test(arn) ? partsOfRoleArn(arn) : {};
  return { ...(role !== undefined && { role }), ...(account !== undefined && { accountId: account }) };
}
