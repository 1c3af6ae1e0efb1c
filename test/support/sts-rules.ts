/** Whoever has keys that STS knows. Times are epoch milliseconds. */
export interface Caller {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Unset: never. */
  readonly expiration?: number;
  readonly arn: string;
}

export interface Role {
  readonly arn: string;
  /** Without it, nobody may assume the role. */
  readonly externalId?: string;
  /** Seconds; default an hour. */
  readonly maxDuration?: number;
  /** Whether its trust policy allows sts:TagSession; default true. */
  readonly allowsTags?: boolean;
  /** Tokens that may be shown for it in place of a signature. */
  readonly webTokens?: readonly string[];
  /** Who may; default: everybody whose keys are known. */
  readonly trusts?: (caller: Caller) => boolean;
}

export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

type Parameters = Readonly<Record<string, string>>;

/** What STS refuses the parameters of a request with; undefined when it does what is asked. */
export function judge(parameters: Parameters, caller: Caller, roles: readonly Role[]): Refusal | undefined {
  if (parameters['Version'] !== '2011-06-15') return { ...invalid('No such version'), code: 'InvalidAction' };
  if (parameters['Action'] === 'GetCallerIdentity') return undefined;
  if (parameters['Action'] !== 'AssumeRole') return { ...invalid('No such action'), code: 'InvalidAction' };
  return malformedParameter(parameters) ?? untrusted(parameters, caller, roles);
}

/** The same for a session that a token is shown for: nobody signs. */
export function judgeWebIdentity(parameters: Parameters, roles: readonly Role[]): Refusal | undefined {
  const { WebIdentityToken = '', ...others } = parameters;
  if (parameters['Version'] !== '2011-06-15') return { ...invalid('No such version'), code: 'InvalidAction' };
  const isToken = /^[\x20-\x7e]{4,20000}$/.test(WebIdentityToken);
  const malformed =
    malformedParameter(others) ?? (isToken ? undefined : invalid('1 validation error: webIdentityToken'));
  if (malformed) return malformed;
  const role = roles.find(({ arn }) => arn === parameters['RoleArn']);
  if (role?.webTokens?.includes(WebIdentityToken) !== true)
    return { status: 400, code: 'InvalidIdentityToken', message: 'No OpenIDConnect provider found in your account' };
  const { maxDuration = 3600 } = role;
  return Number(parameters['DurationSeconds'] ?? 3600) > maxDuration ? invalid(TOO_LONG) : undefined;
}

/** From the service's model. */
const FORMS: Readonly<Record<string, RegExp>> = {
  RoleArn: /^arn:[\w-]+:iam::\d{12}:role\/.{1,2000}$/,
  RoleSessionName: /^[\w+=,.@-]{2,64}$/,
  DurationSeconds: /^\d+$/,
  ExternalId: /^[\w+=,.@:/-]{2,1224}$/,
  SourceIdentity: /^(?!aws:)[\w+=,.@-]{2,64}$/,
  Policy: /^[\t\n\r\x20-\xff]{1,2048}$/,
};
const LISTS =
  /^(?:Action|Version|Tags\.member\.\d+\.(?:Key|Value)|TransitiveTagKeys\.member\.\d+|PolicyArns\.member\.\d+\.arn)$/;

function malformedParameter(parameters: Parameters): Refusal | undefined {
  for (const [name, value] of Object.entries(parameters)) {
    const form = FORMS[name];
    if (form === undefined ? !LISTS.test(name) : !form.test(value)) return invalid(`1 validation error: ${name}`);
  }
  for (const name of ['RoleArn', 'RoleSessionName']) {
    if (parameters[name] === undefined) return invalid(`1 validation error: ${name} must not be null`);
  }
  const duration = Number(parameters['DurationSeconds'] ?? 3600);
  return duration < 900 || duration > 43_200 ? invalid('1 validation error: durationSeconds') : undefined;
}

function untrusted(parameters: Parameters, caller: Caller, roles: readonly Role[]): Refusal | undefined {
  const arn = parameters['RoleArn'] ?? '';
  const role = roles.find((one) => one.arn === arn);
  const deny = (action: string): Refusal => ({
    status: 403,
    code: 'AccessDenied',
    message: `User: ${caller.arn} is not authorized to perform: ${action} on resource: ${arn}`,
  });
  const isTrusted = role?.externalId === parameters['ExternalId'] && role?.trusts?.(caller) !== false;
  if (!role || !isTrusted) return deny('sts:AssumeRole');
  if (role.allowsTags === false && parameters['Tags.member.1.Key'] !== undefined) return deny('sts:TagSession');
  return tooLong(Number(parameters['DurationSeconds'] ?? 3600), caller, role);
}

function tooLong(duration: number, { sessionToken }: Caller, { maxDuration = 3600 }: Role): Refusal | undefined {
  if (duration > 3600 && sessionToken !== undefined) return invalid(TOO_LONG_CHAINED);
  return duration > maxDuration ? invalid(TOO_LONG) : undefined;
}

const TOO_LONG = 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.';
const TOO_LONG_CHAINED =
  'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.';

function invalid(message: string): Refusal {
  return { status: 400, code: 'ValidationError', message };
}
