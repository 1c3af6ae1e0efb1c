/** The fields of credentials, as configurations and templates name them; the expiration has three forms. */
export const FIELDS = [
  'access_key_id',
  'secret_access_key',
  'session_token',
  'expiration',
  'expiration_epoch',
  'expiration_epoch_ms',
  'region',
  'account_id',
  'role',
  'instance_id',
] as const;
export type Field = (typeof FIELDS)[number];
