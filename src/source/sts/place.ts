import type { StsConfig } from '../../core/config.ts';
import type { Environment } from '../../core/contracts.ts';
import { readSecureEndpoint } from '../../core/endpoint.ts';
import { AgentError } from '../../core/errors.ts';
import { partitionOf, partsOfRoleArn } from '../../core/region.ts';

/** Where STS is asked, and the region that the signature names. */
export interface StsEndpoint {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly region: string;
}

/**
 * The region is that of the configuration, else of the environment, else `baseRegion`; the endpoint that of the
 * configuration, else of the environment, else the region's. Throws CONFIG_INVALID.
 */
export function placeOf(config: StsConfig, env: Environment, baseRegion: string | undefined): StsEndpoint {
  const region = config.region ?? (env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || baseRegion);
  if (region === undefined) throw invalid('region', 'one', 'none', 'set region:, since the base does not name one');
  const partition = partitionOf(region);
  const { partition: own } = partsOfRoleArn(config.roleArn);
  if (!partition) throw invalid('region', 'a region such as eu-central-1', JSON.stringify(region), 'set region:');
  if (partition.name !== own) {
    // Partitions share nothing: their STS knows neither the keys nor the roles of another one.
    const hint = `correct the ARN, or set region: to one of the partition ${own}`;
    throw invalid('role_arn', `a role of ${partition.name}, the partition of ${region}`, `one of ${own}`, hint);
  }
  return { origin: config.endpoint ?? endpointOf(env) ?? `https://sts.${region}.${partition.suffix}`, region };
}

function endpointOf(env: Environment): string | undefined {
  const name = ['AWS_ENDPOINT_URL_STS', 'AWS_ENDPOINT_URL'].find((variable) => env[variable]);
  if (name === undefined) return undefined;
  const reading = readSecureEndpoint(env[name] ?? '');
  if ('value' in reading) return reading.value;
  throw invalid(name, reading.expected ?? 'a URL with https://, or of loopback', 'something else', reading.hint);
}

function invalid(key: string, expected: string, got: string, hint: string): AgentError {
  return new AgentError('CONFIG_INVALID', `${key}: expected ${expected}, got ${got}`, { hint });
}
