import * as v from 'valibot';
import {
  choice,
  expectation,
  flag,
  mapping,
  mode,
  option,
  owner,
  path,
  quote,
  reading,
  required,
  text,
  unchecked,
  withoutLists,
  word,
} from './fields.ts';
import { readExpirationKey, readKeys, readProfile, PROFILE } from './scalars.ts';
import { consumerName } from './schema-consumers.ts';
import { oneOf } from './show.ts';

const common = {
  path: required('The file to keep equal to the credentials, an absolute path.', path),
  owner: option('Owner of the file: a name or a numeric id. Left out: whoever the agent acts as.', owner),
  group: option("Group of the file: a name or a numeric id. Left out: the owner's primary group.", owner),
  mode: option(
    'Permission bits, octal however they are written; or `any` that keeps others out, where the file system has its own. Left out: 0600.',
    mode,
  ),
  notify: option(
    'The consumers to notify when this file changes.',
    v.array(consumerName, expectation('a list of consumers', 'put the name in brackets: [name]')),
    [],
  ),
};

const comment = option('Begin a file that was not there with a comment that says who keeps it.', flag, true);

const awsCredentials = mapping({
  format: v.literal('aws-credentials'),
  ...common,
  profile: option(
    'The profile to keep.',
    text('a profile name of letters, digits and _ - / . % @ : +', readProfile, { pattern: PROFILE.source }, quote),
    'default',
  ),
  security_token: option(
    'aws_security_token, the older name of the session token: equal where it stands, always written, or never left.',
    choice('auto', 'always', 'never'),
    'auto',
  ),
  account_id: option('Write aws_account_id when the account is known.', flag, false),
  expiration_key: option(
    'The key to write the expiration under, such as x_security_token_expires. Left out: none.',
    text('a key such as x_security_token_expires', readExpirationKey),
  ),
  comment,
});

const variable = word('a variable name of letters, digits and _', /^[A-Za-z_][A-Za-z0-9_]*$/);

const prefix = word('a prefix of letters, digits and _', /^([A-Za-z_][A-Za-z0-9_]*)?$/);

const names = mapping({
  access_key_id: option('The variable of the access key id.', variable),
  secret_access_key: option('The variable of the secret access key.', variable),
  session_token: option('The variable of the session token.', variable),
  expiration: option('The variable of the expiration; null to leave it out.', v.nullable(variable)),
});

const dotenv = mapping({
  format: v.literal('dotenv'),
  ...common,
  prefix: option('Put before each of the usual variable names.', prefix, ''),
  names: option('Variable names instead of the usual ones; the prefix does not count for these.', names, {}),
  export: option('Begin new lines with "export ".', flag, false),
  only: option('Own the whole file: nothing else stays in it.', flag, false),
  comment,
});

const KEYS = 'keys from the root, such as aws.accessKeyId or [aws, accessKeyId]';
const place = v.pipe(
  v.union([v.string(), v.array(v.string())], expectation(KEYS)),
  reading<string | string[], readonly string[]>(KEYS, readKeys),
);

const keys = mapping({
  access_key_id: option('Where the access key id goes.', place),
  secret_access_key: option('Where the secret access key goes.', place),
  session_token: option('Where the session token goes.', place),
  expiration: option('Where the expiration goes.', place),
  account_id: option('Where the account id goes.', place),
  role: option('Where the name of the role goes.', place),
});

const json = mapping({
  format: v.literal('json'),
  ...common,
  shape: option(
    'imds: as the metadata service answers; process: for credential_process; container: as ECS answers; superset: all.',
    choice('imds', 'process', 'container', 'superset'),
  ),
  keys: option('Places for single values in an existing JSON file, instead of a shape.', keys),
});

const FORMATS = ['aws-credentials', 'dotenv', 'json'];

export const sink = withoutLists(
  v.variant('format', [awsCredentials, dotenv, json], ({ path: at }) =>
    expectation(at ? oneOf(FORMATS) : 'keys and values'),
  ),
);

/** A sink whose format is not known: what is wrong with it whatever it is to be. */
export const sinkOfAnyFormat = mapping({
  ...unchecked(awsCredentials.entries, dotenv.entries, json.entries),
  ...common,
});

export type SinkSettings = v.InferOutput<typeof sink>;
