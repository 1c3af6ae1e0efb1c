import type { ImdsConfig } from '../../core/config.ts';
import { AgentError } from '../../core/errors.ts';
import { resolveEndpoint, type Environment } from './endpoint.ts';
import { isRoleName } from './role.ts';

/** The configuration with the environment's word where the file is silent. Durations are milliseconds. */
export interface ImdsSettings {
  /** Not a single request is to be sent. */
  readonly disabled: boolean;
  readonly origin: string;
  /** Skips discovery. */
  readonly role: string | undefined;
  /** Where the role's name came from, for messages. */
  readonly roleFrom: string;
  readonly allowV1: boolean;
  /** For one request, connection included. */
  readonly timeout: number;
  /** For one answer, the first included. */
  readonly attempts: number;
}

/** All retries and waits of one question together, in milliseconds, whatever the settings add up to. */
export const TOTAL_TIME = 30_000;

const DEFAULT_TIMEOUT = 1000;
const DEFAULT_ATTEMPTS = 4;
/** As in the file; what the SDKs would take beyond these bounds is brought within them. */
const MIN_TIMEOUT = 50;
const MAX_ATTEMPTS = 20;

/** Throws CONFIG_INVALID, naming the key or the variable. */
export function resolveSettings(config: ImdsConfig, env: Environment): ImdsSettings {
  const roleFrom = config.role === undefined ? 'AWS_EC2_INSTANCE_PROFILE_NAME' : 'imds.role';
  const role = config.role ?? (env['AWS_EC2_INSTANCE_PROFILE_NAME'] || undefined);
  if (role !== undefined) requireRoleName(roleFrom, role.trim());
  return {
    disabled: env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true',
    origin: resolveEndpoint(config, env),
    role: role?.trim(),
    roleFrom,
    allowV1: config.v1 === 'allow',
    timeout: config.timeout ?? timeoutOf(env) ?? DEFAULT_TIMEOUT,
    attempts: config.attempts ?? attemptsOf(env) ?? DEFAULT_ATTEMPTS,
  };
}

/** A fraction of a second too, as some of the SDKs take. */
function timeoutOf(env: Environment): number | undefined {
  const variable = 'AWS_METADATA_SERVICE_TIMEOUT';
  const value = env[variable];
  if (!value) return undefined;
  const timeout = /^\s*(?:\d+(?:\.\d*)?|\.\d+)\s*$/.test(value) ? Number(value) * 1000 : 0;
  if (timeout <= 0) throw notANumber(variable, 'seconds, more than 0');
  return Math.min(Math.max(timeout, MIN_TIMEOUT), TOTAL_TIME);
}

function attemptsOf(env: Environment): number | undefined {
  const variable = 'AWS_METADATA_SERVICE_NUM_ATTEMPTS';
  const value = env[variable];
  if (!value) return undefined;
  const attempts = /^\s*\d+\s*$/.test(value) ? Number(value) : 0;
  if (attempts < 1) throw notANumber(variable, 'a whole number from 1');
  return Math.min(attempts, MAX_ATTEMPTS);
}

function notANumber(variable: string, expected: string): AgentError {
  return new AgentError('CONFIG_INVALID', `${variable}: expected ${expected}, got something else`, {
    hint: 'correct the variable, or unset it to use the default',
  });
}

function requireRoleName(from: string, role: string): void {
  if (isRoleName(role)) return;
  const got = role === '' ? 'a blank value' : 'something else';
  throw new AgentError('CONFIG_INVALID', `${from}: expected the name of a role, got ${got}`, {
    hint: 'give the name alone, without arn: and path, or leave it out to let the metadata service name the role',
  });
}
