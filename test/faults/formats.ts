import type { SinkConfig } from '../../src/core/config.ts';

const NAMES = {
  accessKeyId: 'AWS_ACCESS_KEY_ID',
  secretAccessKey: 'AWS_SECRET_ACCESS_KEY',
  sessionToken: 'AWS_SESSION_TOKEN',
  expiration: 'AWS_CREDENTIAL_EXPIRATION',
};
const KEYS = { access_key_id: ['aws', 'id'], secret_access_key: ['aws', 'secret'], session_token: ['aws', 'token'] };

/** A sink of each format, which makes its file from a path. */
export const EVERY_FORMAT: Readonly<Record<string, (path: string) => SinkConfig>> = {
  'aws-credentials': (path) => ({
    ...common(path),
    format: 'aws-credentials',
    profile: 'default',
    securityToken: 'auto',
    accountId: false,
    comment: false,
  }),
  dotenv: (path) => ({
    ...common(path),
    format: 'dotenv',
    prefix: '',
    names: NAMES,
    export: false,
    only: false,
    comment: false,
  }),
  'dotenv, the whole file': (path) => ({
    ...common(path),
    format: 'dotenv',
    prefix: '',
    names: NAMES,
    export: false,
    only: true,
    comment: false,
  }),
  'json of a shape': (path) => ({ ...common(path), format: 'json', content: { shape: 'superset' } }),
  'json keys': (path) => ({ ...common(path), format: 'json', content: { keys: KEYS } }),
};

function common(path: string): Pick<SinkConfig, 'path' | 'source' | 'mode' | 'notify'> {
  return { path, source: 'instance', mode: 0o640, notify: [] };
}
