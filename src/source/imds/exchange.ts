import { HttpError, type Http, type HttpFailure, type HttpRequest, type HttpResponse } from '../../core/contracts.ts';
import { AgentError, type ErrorCode } from '../../core/errors.ts';
import { within as limited } from '../within.ts';
import type { ImdsSettings } from './settings.ts';

/** Real answers are below 2 KiB, user data is below 16. */
const MAX_BYTES = 65_536;

/**
 * Sends a request and gives its answer, whatever the status. The time allowed counts from the connection to the last
 * byte of the body. Rejects with an ImdsFault, or with the signal's reason.
 */
export type ImdsExchange = (
  request: Pick<HttpRequest, 'method' | 'path' | 'headers'>,
  signal: AbortSignal,
) => Promise<HttpResponse>;

export function createExchange(http: Http, { origin, timeout }: ImdsSettings): ImdsExchange {
  return async (request, signal) => {
    const asked = { ...request, origin };
    try {
      return await within(timeout, signal, (bounded) =>
        http.request({ ...asked, maxBytes: MAX_BYTES, signal: bounded }),
      );
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof HttpError ? transportFault(asked, error) : error;
    }
  };
}

/** {@link limited}, for questions to the metadata service. */
export function within<T>(ms: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return limited({ ms, signal, late: () => outOfTime(ms) }, work);
}

function outOfTime(ms: number): AgentError {
  return new AgentError('IMDS_UNREACHABLE', `metadata: expected an answer within ${ms / 1000} s, got none`, {
    hint: 'the metadata service is slow or throttled: credrotate doctor shows what it answers',
  });
}

/** An exchange that failed, and whether the same request may succeed a little later. */
export class ImdsFault extends AgentError {
  readonly verdict: StatusVerdict;

  constructor(verdict: StatusVerdict, message: string) {
    super(verdict.code, message, { hint: verdict.hint });
    this.verdict = verdict;
  }
}

export interface StatusVerdict {
  readonly code: ErrorCode;
  readonly retry: boolean;
  readonly hint: string;
}

/** A transport failure may pass: the request is sent again. */
export function unreachable(hint: string): StatusVerdict {
  return { code: 'IMDS_UNREACHABLE', retry: true, hint };
}

const ENABLE = 'aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled';
const STRANGER = 'look at what answers at the metadata endpoint: a proxy, a portal or an emulator may be in its place';

const THROTTLED: StatusVerdict = {
  code: 'IMDS_THROTTLED',
  retry: true,
  hint: 'something on this instance asks the metadata service too often; find it, or raise refresh.max_interval',
};
export const SWITCHED_OFF: StatusVerdict = {
  code: 'IMDS_DENIED',
  retry: false,
  hint: `the metadata service is switched off for this instance, or refuses it: ${ENABLE}`,
};
const TOKEN_REFUSED: StatusVerdict = {
  code: 'IMDS_DENIED',
  retry: true,
  hint: 'the service takes no notice of its own token: look for a proxy that drops headers, or an emulator',
};
const NO_V2: StatusVerdict = {
  code: 'IMDS_MALFORMED',
  retry: false,
  hint: 'what answers there does not know IMDSv2, as EC2 does; an old emulator needs imds.v1: allow',
};
const STRANGE: StatusVerdict = { code: 'IMDS_MALFORMED', retry: false, hint: STRANGER };
const BROKEN = unreachable('the metadata service is in trouble; it is asked again, and it is EC2 that must recover');
const NO_CONNECTION = unreachable(
  `not an EC2 instance, the metadata service is switched off (${ENABLE}), or a firewall rule or a route ` +
    'keeps this user from it',
);
export const PROHIBITED = unreachable(
  'a route that refuses (ip route show type prohibit) or SELinux keeps everybody from it. If systemd-imdsd made the ' +
    'route, it answers in place of the service: systemctl enable --now systemd-imdsd.socket',
);
const NO_TOKEN_IN_TIME = unreachable(
  'the connection is there, but the token does not come back: in a container the answer ends one hop too early ' +
    '(aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2)',
);
const NO_ANSWER = unreachable(
  'the instance may be over the packet limit for link-local services: ethtool -S | grep linklocal_allowance',
);
/** Of the two addresses of the service, a host may have a way to one alone. */
const NO_ROUTE_IPV6 = unreachable(
  'this host has no way to it by IPv6: leave out imds.endpoint_mode, which then is ipv4, or give the instance an IPv6 address',
);
const NO_ROUTE_IPV4 = unreachable(
  'this host has no way to it by IPv4: where it has IPv6 alone, imds.endpoint_mode: ipv6; else see: ip route',
);

/** For an answer that is whole but not what EC2 gives. */
export function malformed(message: string): AgentError {
  return new AgentError('IMDS_MALFORMED', message, { hint: STRANGER });
}

type AskedFor = Pick<HttpRequest, 'origin' | 'method' | 'path'>;

/** For an answer whose status is not the 200 that was asked for. */
export function statusFault(asked: AskedFor, status: number): ImdsFault {
  return new ImdsFault(judgeStatus(asked, status), `${describe(asked)}: expected status 200, got ${status}`);
}

/** For a request that got no answer. */
export function transportFault(asked: AskedFor, error: HttpError): ImdsFault {
  const [verdict, expected] = judgeFailure(asked, error.failure);
  return new ImdsFault(verdict, `${describe(asked)}: expected ${expected}, got ${error.message}`);
}

function judgeStatus({ method }: AskedFor, status: number): StatusVerdict {
  if (status === 429 || status === 503) return THROTTLED;
  if (status >= 500) return BROKEN;
  if (status === 401) return TOKEN_REFUSED;
  if (status === 403) return SWITCHED_OFF;
  return method === 'PUT' && (status === 404 || status === 405) ? NO_V2 : STRANGE;
}

function judgeFailure({ origin, method }: AskedFor, failure: HttpFailure): [verdict: StatusVerdict, expected: string] {
  switch (failure) {
    case 'connect':
    case 'untrusted':
    case 'proxy':
      return [NO_CONNECTION, 'a connection'];
    case 'prohibited':
      return [PROHIBITED, 'a connection'];
    case 'no_route':
      return [origin.includes('[') ? NO_ROUTE_IPV6 : NO_ROUTE_IPV4, 'a connection'];
    case 'aborted':
      return [method === 'PUT' ? NO_TOKEN_IN_TIME : NO_ANSWER, 'an answer'];
    case 'reset':
      return [NO_ANSWER, 'an answer'];
    case 'protocol':
      return [{ ...STRANGE, retry: true }, 'an HTTP answer'];
    case 'too_large':
      return [STRANGE, 'a small answer'];
  }
}

function describe({ origin, method, path }: AskedFor): string {
  return `${method} ${origin}${path}`;
}
