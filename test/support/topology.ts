import type { AssumeRoleConfig, Config, ConsumerConfig, SinkConfig } from '../../src/core/config.ts';
import type { Log } from '../../src/core/contracts.ts';

/** Small configurations for tests that look at something else. */

export const BACKUP: AssumeRoleConfig = {
  type: 'assume_role',
  name: 'backup',
  roleArn: 'arn:aws:iam::123456789012:role/backup',
  from: 'instance',
  tags: {},
  transitiveTags: [],
  policyArns: [],
};

export function jsonSink(path: string, ...notify: string[]): SinkConfig {
  return { path, source: 'instance', format: 'json', content: { shape: 'imds' }, mode: 0o600, notify };
}

export function execConsumer(name: string, change: Partial<ConsumerConfig> = {}): ConsumerConfig {
  // The change is of the common part alone.
  return { name, when: 'changed', type: 'exec', command: ['/bin/true'], timeout: 1000, ...change } as ConsumerConfig;
}

export function configOf(sinks: readonly SinkConfig[], consumers: readonly ConsumerConfig[] = []): Config {
  return {
    files: [],
    imds: { allowAnyEndpoint: false, v1: 'deny', timeout: 1000, attempts: 1 },
    refresh: { maxInterval: 300_000 },
    startupWait: 60_000,
    log: { level: 'info', format: 'text' },
    metrics: {},
    trustedGroups: [],
    privateVolumes: [],
    lockdown: { allowUsers: [], containers: 'allow' },
    sources: [],
    sinks,
    consumers,
  };
}

/** Keeps every line. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => {
    lines.push(`${level} ${message}`);
  };
  return { lines, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}
