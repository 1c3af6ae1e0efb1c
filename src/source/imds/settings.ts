import type { ImdsConfig } from '../../core/config.ts';
import type { Environment } from '../../core/contracts.ts';
import { IPV4, IPV6, isKnownEndpoint, readEndpoint } from '../../core/endpoint.ts';
import { AgentError } from '../../core/errors.ts';

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

/** All retries and waits of one question together, whatever the settings add up to. */
export const TOTAL_TIME_MS = 30_000;

const DEFAULT_TIMEOUT_MS = 1000;
const DEFAULT_ATTEMPTS = 4;
/** As in the file; what the SDKs would take beyond these bounds is brought within them. */
const MIN_TIMEOUT_MS = 50;
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
    timeout: config.timeout ?? timeoutOf(env) ?? DEFAULT_TIMEOUT_MS,
    attempts: config.attempts ?? attemptsOf(env) ?? DEFAULT_ATTEMPTS,
  };
}

/** A fraction of a second too, as some of the SDKs take. */
function timeoutOf(env: Environment): number | undefined {
  const form = { pattern: /^\s*(?:\d+(?:\.\d*)?|\.\d+)\s*$/, expected: 'seconds, more than 0' };
  const seconds = numberOf(env, 'AWS_METADATA_SERVICE_TIMEOUT', form);
  return seconds === undefined ? undefined : Math.min(Math.max(seconds * 1000, MIN_TIMEOUT_MS), TOTAL_TIME_MS);
}

function attemptsOf(env: Environment): number | undefined {
  const form = { pattern: /^\s*\d+\s*$/, expected: 'a whole number from 1' };
  const attempts = numberOf(env, 'AWS_METADATA_SERVICE_NUM_ATTEMPTS', form);
  return attempts === undefined ? undefined : Math.min(attempts, MAX_ATTEMPTS);
}

/** More than 0; undefined where the variable is not set. */
function numberOf(env: Environment, variable: string, form: { pattern: RegExp; expected: string }): number | undefined {
  const value = env[variable];
  if (!value) return undefined;
  const number = form.pattern.test(value) ? Number(value) : 0;
  if (number > 0) return number;
  throw invalid(variable, form.expected, 'something else', 'correct the variable, or unset it to use the default');
}

/** Of anything printable but what would lead to another path. */
export function isRoleName(name: string): boolean {
  return /^[\x21-\x7e]{1,128}$/.test(name) && !/[/\\<>]/.test(name) && name !== '.' && name !== '..';
}

function requireRoleName(from: string, role: string): void {
  if (isRoleName(role)) return;
  const got = role === '' ? 'a blank value' : 'something else';
  const hint = 'give the name alone, without arn: and path, or leave it out to let the metadata service name the role';
  throw invalid(from, 'the name of a role', got, hint);
}

/**
 * The origin to ask, such as `http://169.254.169.254`. Any endpoint wins over any mode, and the file over the
 * environment. Throws CONFIG_INVALID, naming the key or the variable.
 */
function resolveEndpoint(config: ImdsConfig, env: Environment): string {
  const { endpoint, endpointMode, allowAnyEndpoint } = config;
  if (endpoint !== undefined) return parseEndpoint('imds.endpoint', endpoint, allowAnyEndpoint);
  const variable = 'AWS_EC2_METADATA_SERVICE_ENDPOINT';
  const value = env[variable];
  if (value) return parseEndpoint(variable, value, allowAnyEndpoint);
  return (endpointMode ?? modeOf(env)) === 'ipv6' ? IPV6 : IPV4;
}

function modeOf(env: Environment): 'ipv4' | 'ipv6' {
  const variable = 'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE';
  const value = env[variable];
  const mode = value ? value.toLowerCase() : 'ipv4';
  if (mode === 'ipv4' || mode === 'ipv6') return mode;
  throw invalid(variable, 'IPv4 or IPv6', JSON.stringify(value), 'unset it to use IPv4');
}

function parseEndpoint(name: string, value: string, allowAny: boolean): string {
  const reading = readEndpoint(value);
  if (!('value' in reading)) {
    const { expected, hint } = reading;
    throw expected === undefined
      ? invalid(name, 'a URL such as http://127.0.0.1:1338', shown(value), hint)
      : invalid(name, expected, 'more than that', hint);
  }
  if (!allowAny && !isKnownEndpoint(reading.value)) {
    throw invalid(
      name,
      `a loopback address, ${IPV4} or ${IPV6}`,
      reading.value,
      'that endpoint chooses the credentials that are written, and anybody between can read them; ' +
        'if that is intended, set imds.allow_any_endpoint: true in the configuration file',
    );
  }
  return reading.value;
}

/** A URL may carry a password, so that only its scheme is quoted. */
function shown(value: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0];
  return scheme === undefined ? 'something without http:// in front' : `${scheme}…`;
}

function invalid(name: string, expected: string, got: string, hint: string): AgentError {
  return new AgentError('CONFIG_INVALID', `${name}: expected ${expected}, got ${got}`, { hint });
}
