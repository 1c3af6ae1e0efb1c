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

/** Throws CONFIG_INVALID, naming the key or the variable. */
export function resolveSettings(config: ImdsConfig, env: Environment): ImdsSettings {
  const roleFrom = config.role === undefined ? 'AWS_EC2_INSTANCE_PROFILE_NAME' : 'imds.role';
  const role = config.role ?? env['AWS_EC2_INSTANCE_PROFILE_NAME'];
  if (role !== undefined) requireRoleName(roleFrom, role.trim());
  return {
    disabled: env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true',
    origin: resolveEndpoint(config, env),
    role: role?.trim(),
    roleFrom,
    allowV1: config.v1 === 'allow',
    timeout: config.timeout,
    attempts: config.attempts,
  };
}

function requireRoleName(from: string, role: string): void {
  if (isRoleName(role)) return;
  const got = role === '' ? 'a blank value' : 'something else';
  throw new AgentError('CONFIG_INVALID', `${from}: expected the name of a role, got ${got}`, {
    hint: 'give the name alone, without arn: and path, or leave it out to let the metadata service name the role',
  });
}
