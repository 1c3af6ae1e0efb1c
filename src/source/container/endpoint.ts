import type { ContainerConfig } from '../../core/config.ts';
import type { Environment } from '../../core/contracts.ts';
import { readContainerEndpoint } from '../../core/endpoint.ts';
import { AgentError } from '../../core/errors.ts';
import type { Secret } from '../../core/secret.ts';
import { readToken, refuseExpired, tokenIn } from '../token.ts';

export interface ContainerEndpoint {
  readonly url: URL;
  /** The authorization at `now` (epoch milliseconds). Throws AgentError. */
  readonly token: (now: number) => Secret | undefined;
}

/** The endpoint of a relative URI. */
const ECS = 'http://169.254.170.2';

/**
 * The one of the configuration, else that of the environment, with its token. Throws CONFIG_INVALID, which quotes
 * nothing.
 */
export function locate({ endpoint, tokenFile }: ContainerConfig, env: Environment): ContainerEndpoint {
  if (endpoint !== undefined)
    return { url: parse('endpoint', endpoint), token: (now) => fromFile('token_file', tokenFile, now) };
  const [relative, full] = ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI'] as const;
  const path = env[relative];
  if (path && !path.startsWith('/')) throw invalid(relative, 'a path that begins with /', 'something else');
  const url = path ? parse(relative, `${ECS}${path}`) : parse(full, env[full] ?? '');
  return { url, token: (now) => tokenOf(env, now) };
}

/** The file comes first: what it holds is renewed. */
function tokenOf(env: Environment, now: number): Secret | undefined {
  const [variable, file] = ['AWS_CONTAINER_AUTHORIZATION_TOKEN', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] as const;
  const token = env[variable];
  return fromFile(file, env[file] || undefined, now) ?? (token ? tokenIn(variable, token) : undefined);
}

function fromFile(name: string, path: string | undefined, now: number): Secret | undefined {
  if (path === undefined) return undefined;
  const token = readToken(name, path);
  refuseExpired(name, token, now);
  return token.value;
}

function parse(name: string, text: string): URL {
  const result = readContainerEndpoint(text);
  if ('value' in result) return new URL(result.value);
  throw invalid(name, result.expected, text === '' ? 'none' : 'something else');
}

function invalid(name: string, expected: string, got: string): AgentError {
  const hint = 'set endpoint:, or have the variable in the environment of credrotate';
  return new AgentError('CONFIG_INVALID', `${name}: expected ${expected}, got ${got}`, { hint });
}
