import type { Preset } from '../core/config.ts';
import type { Field } from '../core/fields.ts';

interface PresetSettings {
  /** Undefined where each has its own. */
  readonly section?: string;
  readonly keys: Readonly<Partial<Record<Field, readonly string[]>>>;
}

/** The settings that programs want in their INI files, written down once. */
export const PRESETS: Readonly<Record<Preset, PresetSettings>> = {
  s3cmd: { section: 'default', keys: threeKeys('access_key', 'secret_key', 'access_token') },
  rclone: { keys: threeKeys('access_key_id', 'secret_access_key', 'session_token') },
  boto: {
    section: 'Credentials',
    keys: threeKeys('aws_access_key_id', 'aws_secret_access_key', 'aws_security_token'),
  },
  pgbackrest: { section: 'global', keys: threeKeys('repo1-s3-key', 'repo1-s3-key-secret', 'repo1-s3-token') },
  gdal: {
    section: 'configoptions',
    keys: threeKeys('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'),
  },
};

function threeKeys(id: string, secret: string, token: string): PresetSettings['keys'] {
  return { access_key_id: [id], secret_access_key: [secret], session_token: [token] };
}
