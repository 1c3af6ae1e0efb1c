import type { FailedFetch, HttpError, HttpFailure } from '../../core/contracts.ts';
import { AgentError, type ErrorCode } from '../../core/errors.ts';
import { hide } from '../../core/mask.ts';
import { printable } from '../../core/printable.ts';
import type { Secret } from '../../core/secret.ts';
import { outcomeOf as sourceOutcome } from '../outcome.ts';

/** A call of STS. */
export type StsAction = 'AssumeRole' | 'AssumeRoleWithWebIdentity';

/**
 * The next step after a refusal: `again`: soon; `throttled`: later, since all hosts of the account share the limit;
 * `proof`: with other base credentials, or another token; `time`: signed at the time of STS; `never`: not before
 * somebody changes something.
 */
type StsRemedy = 'again' | 'throttled' | 'proof' | 'time' | 'never';

export class StsFault extends AgentError {
  readonly remedy: StsRemedy;

  constructor({ code, remedy, hint }: StsVerdict, message: string) {
    super(code, message, { hint });
    this.remedy = remedy;
  }
}

interface StsVerdict {
  readonly code: ErrorCode;
  readonly remedy: StsRemedy;
  readonly hint: string;
}

/** The outcome of a fetch that failed so. An unforeseen error is thrown on. */
export function outcomeOf(error: unknown): FailedFetch {
  const remedy = error instanceof StsFault ? error.remedy : isOfConfiguration(error) ? 'never' : 'again';
  return sourceOutcome(error, remedy === 'again' ? undefined : remedy === 'throttled' ? 'throttled' : 'later');
}

function isOfConfiguration(error: unknown): boolean {
  return error instanceof AgentError && error.code.startsWith('CONFIG_');
}

const denied = (remedy: StsRemedy, hint: string): StsVerdict => ({ code: 'STS_DENIED', remedy, hint });
const rejected = (hint: string): StsVerdict => ({ code: 'STS_REJECTED', remedy: 'never', hint });
const unreachable = (hint: string): StsVerdict => ({ code: 'STS_UNREACHABLE', remedy: 'again', hint });

const THROTTLED: StsVerdict = {
  code: 'STS_THROTTLED',
  remedy: 'throttled',
  hint:
    'all that calls STS for this account in this region shares 600 calls a second: find who asks for each use ' +
    '(CloudTrail, AssumeRole); credrotate asks once per session',
};
const TROUBLED = unreachable('STS is in trouble; it is asked again, and it is AWS that must recover');
const UNKNOWN_KEY = denied(
  'never',
  'STS does not know the base credentials here: another partition than theirs, or a region that must be enabled in ' +
    "the account of the base (aws account list-regions, opt-in); set region: to the instance's own",
);
const ACCESS_DENIED = denied(
  'never',
  'two policies have to allow it: the trust policy of the role must name the base, with the same external_id, and ' +
    'the base must have sts:AssumeRole on the role; a new role takes up to half a minute',
);
const TAG_SESSION = denied(
  'never',
  'the trust policy of the role must allow sts:TagSession beside sts:AssumeRole: for tags:, and for a base from EKS ' +
    'Pod Identity, whose own tags pass on to every role',
);
const SOURCE_IDENTITY = denied(
  'never',
  'the trust policy of the role must allow sts:SetSourceIdentity beside sts:AssumeRole, also where the base has one',
);
const LIMIT_OF_CHAIN = rejected('a role that is assumed with the credentials of a role lives for an hour at most');
const LIMIT_OF_ROLE = rejected('shorten duration:, or raise the maximum of the role (aws iam update-role)');
const SIGNATURE = denied(
  'time',
  'the clock of this host is wrong by more than five minutes (timedatectl), or something between changes the request',
);

/** By the code of STS. */
const CODES: Readonly<Record<string, StsVerdict>> = {
  Throttling: THROTTLED,
  ThrottlingException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  TooManyRequestsException: THROTTLED,
  SlowDown: THROTTLED,
  RequestTimeout: TROUBLED,
  IDPCommunicationError: TROUBLED,
  InternalFailure: TROUBLED,
  ServiceUnavailable: TROUBLED,
  ExpiredToken: denied('proof', 'the base credentials ran out on the way: the base is asked for others'),
  ExpiredTokenException: denied('proof', 'the base credentials ran out on the way: the base is asked for others'),
  InvalidClientTokenId: UNKNOWN_KEY,
  UnrecognizedClientException: UNKNOWN_KEY,
  AccessDenied: ACCESS_DENIED,
  AccessDeniedException: ACCESS_DENIED,
  RegionDisabledException: denied(
    'never',
    "STS is switched off in this region for the role's account: switch it on (IAM, account settings), or set region:",
  ),
  SignatureDoesNotMatch: SIGNATURE,
  RequestExpired: SIGNATURE,
  RequestInTheFuture: SIGNATURE,
  RequestTimeTooSkewed: SIGNATURE,
  InvalidSignatureException: SIGNATURE,
  MalformedPolicyDocument: rejected('correct policy:, a document of IAM in JSON'),
  PackedPolicyTooLarge: rejected('shorten policy:, policy_arns: and tags:, which share one limit'),
};

/** The same codes mean something else where a token takes the place of a base. */
const WITH_TOKEN: Readonly<Record<string, StsVerdict>> = {
  AccessDenied: denied(
    'never',
    'the trust policy of the role must allow sts:AssumeRoleWithWebIdentity to the provider of the token, for its subject ' +
      '(sub) and its audience (aud): for a pod, those of its service account',
  ),
  ExpiredTokenException: denied('proof', 'the token has expired, and nobody has put another into its file'),
  IDPRejectedClaim: denied('never', 'the provider of the token refuses it: it was revoked, or is of another audience'),
  InvalidIdentityToken: denied(
    'again',
    'the account of the role has no such identity provider in IAM (aws iam list-open-id-connect-providers), or STS could ' +
      'not fetch its keys just now',
  ),
};

/** For an answer that is no success, with what it says if that could be read. */
export function refused(
  action: StsAction,
  status: number,
  error: { readonly code: string; readonly message: string } | undefined,
  secrets: readonly Secret[],
): StsFault {
  if (error === undefined) {
    return new StsFault(judgeStatus(status), `${action}: expected status 200, got ${status} without a code of STS`);
  }
  const { code, message } = error;
  const verdict = judge(action, status, { code, message });
  // The lines after the first quote the request, with its session token.
  const quoted = verdict === SIGNATURE ? message.replace(/[\r\n].*/s, '') : message;
  const detail = quoted === '' ? '' : ` (${excerpt(hide(quoted, secrets))})`;
  return new StsFault(verdict, `${action}: expected credentials, got ${excerpt(hide(code, secrets))}${detail}`);
}

function judge(
  action: StsAction,
  status: number,
  { code, message }: { readonly code: string; readonly message: string },
): StsVerdict {
  const tables = action === 'AssumeRole' ? [CODES] : [WITH_TOKEN, CODES];
  const verdict = tables.find((table) => Object.hasOwn(table, code))?.[code];
  if (verdict === ACCESS_DENIED && message.includes('sts:TagSession')) return TAG_SESSION;
  if (verdict === ACCESS_DENIED && message.includes('sts:SetSourceIdentity')) return SOURCE_IDENTITY;
  if (message.includes('1 hour session limit')) return LIMIT_OF_CHAIN;
  if (message.includes('MaxSessionDuration')) return LIMIT_OF_ROLE;
  return verdict ?? judgeStatus(status);
}

function judgeStatus(status: number): StsVerdict {
  if (status === 429) return THROTTLED;
  if (status >= 500) return TROUBLED;
  if (status === 403) return denied('never', 'look the code up in the reference of the STS API, under common errors');
  return status === 400 ? rejected('correct what the message names') : MALFORMED;
}

const MALFORMED: StsVerdict = {
  code: 'STS_MALFORMED',
  remedy: 'never',
  hint: 'look at what answers at the endpoint: a proxy or an emulator may be in the place of STS',
};

/** For an answer that is not what STS gives. */
export function malformed(action: StsAction, expected: string, got: string): StsFault {
  return new StsFault({ ...MALFORMED, remedy: 'again' }, `${action}: expected ${expected}, got ${got}`);
}

/** For a request that got no answer. */
export function transportFault(origin: string, { failure, message }: HttpError): StsFault {
  const isStranger = failure === 'untrusted' && origin.startsWith('http:');
  const expected = isStranger ? 'a port of root' : 'an answer';
  return new StsFault(
    isStranger ? STRANGER : FAILURES[failure],
    `POST ${origin}/: expected ${expected}, got ${message}`,
  );
}

/** For one that got none in time; `ms`: how long was waited. */
export function outOfTime(origin: string, ms: number): StsFault {
  return new StsFault(NO_ANSWER, `POST ${origin}/: expected an answer within ${ms / 1000} s, got none`);
}

const NO_CONNECTION = unreachable(
  'there is no way to STS: it takes a route out (NAT, or an endpoint for STS in the VPC), or HTTPS_PROXY; where ' +
    'credrotate is hardened, see: credrotate harden',
);
const NO_ANSWER = unreachable('something on the way drops what is sent: a firewall, a proxy, or a security group');

const STRANGER: StsVerdict = {
  code: 'STS_UNTRUSTED',
  remedy: 'never',
  hint: 'whoever answers there chooses the credentials: have root listen there, or name another endpoint:',
};

const FAILURES: Readonly<Record<HttpFailure, StsVerdict>> = {
  connect: NO_CONNECTION,
  no_route: NO_CONNECTION,
  prohibited: NO_CONNECTION,
  aborted: NO_ANSWER,
  reset: NO_ANSWER,
  protocol: { ...MALFORMED, remedy: 'again' },
  too_large: MALFORMED,
  proxy: unreachable('the proxy of HTTPS_PROXY lets nobody through: correct it, or name STS in NO_PROXY'),
  untrusted: {
    code: 'STS_UNTRUSTED',
    remedy: 'never',
    hint:
      'where a proxy opens TLS, name the certificates of its authority: ca_file:; where they are not valid yet, or no more, ' +
      'the clock of this host may be wrong (timedatectl)',
  },
};

function excerpt(text: string): string {
  return printable(text.slice(0, 300));
}
