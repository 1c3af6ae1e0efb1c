import type { FieldKey } from '../../core/config.ts';
import { formatExpiration, type Credentials, type Origin } from '../../core/credentials.ts';
import type { Field } from '../../core/fields.ts';
import { plain, printableText, refusal } from './text.ts';

/** The text of a field. Throws a refusal where it is not known: a file without it would be taken for whole. */
export function textOf(field: Field, credentials: Credentials, origin: Origin): string {
  const text = TEXTS[field](credentials, origin);
  if (text !== undefined) return printableText(field, text);
  const otherwise = 'leave it out here, and write it into the file as it is: by hand, or in the template';
  throw refusal(
    `${field}: expected it to be known, got nothing from the source`,
    field === 'region' ? `set region: of the source if it has that setting, or ${otherwise}` : otherwise,
  );
}

const TEXTS: Readonly<Record<Field, (credentials: Credentials, origin: Origin) => string | undefined>> = {
  access_key_id: ({ accessKeyId }) => accessKeyId,
  secret_access_key: ({ secretAccessKey }) => secretAccessKey.reveal(),
  session_token: ({ sessionToken }) => sessionToken.reveal(),
  expiration: ({ expiration }) => formatExpiration(expiration),
  expiration_epoch: ({ expiration }) => String(Math.floor(expiration / 1000)),
  expiration_epoch_ms: ({ expiration }) => String(expiration),
  region: (_, { region }) => region,
  account_id: ({ accountId }, origin) => accountId ?? origin.accountId,
  role: (_, { role }) => role,
  instance_id: (_, { instanceId }) => instanceId,
};

/** Values by their keys, where readers agree on plain ones alone. Throws a refusal. */
export function plainValues(
  keys: readonly FieldKey[],
  credentials: Credentials,
  origin: Origin,
): ReadonlyMap<string, string> {
  return new Map(keys.map(({ field, key }) => [key, plain(field, textOf(field, credentials, origin))]));
}

/** The access key ids among the values of a file. */
export function keyIdsIn(
  owned: readonly { readonly key: string; readonly value: string }[],
  { keys }: { readonly keys: readonly FieldKey[] },
): readonly string[] {
  const ids = new Set(keys.flatMap(({ field, key }) => (field === 'access_key_id' ? [key] : [])));
  return owned.filter(({ key }) => ids.has(key)).map(({ value }) => value);
}
