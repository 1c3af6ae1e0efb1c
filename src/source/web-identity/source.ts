import type { StsConfig, WebIdentityConfig } from '../../core/config.ts';
import type { Environment, Source } from '../../core/contracts.ts';
import { AgentError } from '../../core/errors.ts';
import { ROLE_ARN, SESSION_NAME } from '../../core/region.ts';
import { askSts, FORM, warnOfIgnored, type StsDeps } from '../sts/ask.ts';
import { outcomeOf } from '../sts/faults.ts';
import { webIdentityForm } from '../sts/request.ts';
import { readToken, refuseExpired, type BearerToken } from '../token.ts';

/** The settings with what the environment says in place of those that are missing. */
type Complete = WebIdentityConfig & StsConfig & { readonly tokenFile: string; readonly tokenFrom: string };

/** A session of a role that trusts the issuer of a token: a pod's service account, say. A fetch takes half a minute. */
export function createWebIdentitySource(config: WebIdentityConfig, deps: StsDeps): Source {
  warnOfIgnored(deps);
  return {
    isIssuer: true,
    async fetch(signal) {
      try {
        const complete = completed(config, deps.env);
        return await askSts(questionFor(complete), complete, deps, signal);
      } catch (error) {
        signal.throwIfAborted();
        return outcomeOf(error);
      }
    },
  };
}

function questionFor(config: Complete): Parameters<typeof askSts>[0] {
  const read = (): BearerToken => readToken(config.tokenFrom, config.tokenFile);
  let sent: BearerToken | undefined;
  return {
    action: 'AssumeRoleWithWebIdentity',
    // eslint-disable-next-line @typescript-eslint/require-await -- what it throws is a rejection
    async request(_, now) {
      sent = read();
      refuseExpired(config.tokenFrom, sent, now);
      return { headers: FORM, body: webIdentityForm(config, sent.value), secrets: [sent.value] };
    },
    renew: () => Promise.resolve(read().value.reveal() !== sent?.value.reveal()),
  };
}

/**
 * Role and token are both of the configuration, or both of the environment: another pod's variables must not complete
 * what an administrator wrote. Throws CONFIG_INVALID.
 */
function completed(config: WebIdentityConfig, env: Environment): Complete {
  const { roleArn, tokenFile } = config;
  if (roleArn !== undefined && tokenFile !== undefined)
    return { ...config, roleArn, tokenFile, tokenFrom: 'token_file' };
  const tokenFrom = 'AWS_WEB_IDENTITY_TOKEN_FILE';
  const sessionName = config.sessionName ?? (env['AWS_ROLE_SESSION_NAME'] || undefined);
  if (sessionName !== undefined && !SESSION_NAME.test(sessionName))
    throw invalid('AWS_ROLE_SESSION_NAME', 'letters, digits and + = , . @ _ -, 2 to 64 of them');
  return {
    ...config,
    roleArn: valueOf(env, 'AWS_ROLE_ARN', ROLE_ARN, 'the ARN of a role'),
    tokenFile: valueOf(env, tokenFrom, /^\//, 'an absolute path'),
    tokenFrom,
    ...(sessionName !== undefined && { sessionName }),
  };
}

function valueOf(env: Environment, name: string, form: RegExp, expected: string): string {
  const value = env[name] ?? '';
  if (form.test(value)) return value;
  throw invalid(name, expected, value === '' ? 'none' : undefined);
}

function invalid(name: string, expected: string, got = 'something else'): AgentError {
  const hint = 'set role_arn: and token_file:, or have the variable in the environment of credrotate';
  return new AgentError('CONFIG_INVALID', `${name}: expected ${expected}, got ${got}`, { hint });
}
