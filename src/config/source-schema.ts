import * as v from 'valibot';
import { INSTANCE } from '../core/config.ts';
import { readContainerEndpoint, readSecureEndpoint } from '../core/endpoint.ts';
import { ROLE_ARN, SESSION_NAME } from '../core/region.ts';
import {
  choice,
  command,
  duration,
  expectation,
  listOf,
  mapping,
  name,
  option,
  owner,
  path,
  quote,
  required,
  text,
  unchecked,
  withoutLists,
  word,
} from './fields.ts';
import { oneOf } from './problem.ts';
import { readLine, readProfile, REFUSED } from './scalars.ts';

const REGION = /^[a-z]{2,4}(-[a-z]+){1,3}-\d{1,2}$/;
const policyArn = word(
  'the ARN of a policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess',
  /^arn:aws[a-z-]*:iam::(aws|\d{12}):policy\/[\x21-\x7e]{1,980}$/,
);

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

export const expectAccount = option(
  'The account, 12 digits in quotes: credentials of another are refused.',
  word('12 digits, in quotes', /^\d{12}$/),
);

/** Of sources that a user of this machine may control. */
const ofForeign = {
  expect_account: expectAccount,
  trusted_user: option(
    'The user who decides what it gives, if sinks of others may have it too, a name or a numeric id. Left out: it feeds only sinks of that user, unless that is root.',
    owner,
  ),
};

const ARN = 'the ARN of a role, such as arn:aws:iam::123456789012:role/backup';
const SESSION = 'letters, digits and + = , . @ _ -, 2 to 64 of them';
const tag = text('a tag of at most 256 letters, digits, spaces and _ . : / = + - @', (got) =>
  /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u.test(got) ? { value: got } : REFUSED,
);

const caFile = option('Certificates (PEM) in place of the usual roots.', path);

/** Of sources that ask STS. */
const ofSts = {
  expect_account: expectAccount,
  session_name: option(
    'Names the session in CloudTrail. Left out: credrotate- and the id of the instance, or the name of the host.',
    word(SESSION, SESSION_NAME),
  ),
  duration: option('How long a session lives. Left out: an hour.', duration('15m', '12h')),
  region: option(
    'The region of STS. Left out: AWS_REGION, else that of the instance.',
    word('a region such as eu-central-1', REGION),
  ),
  endpoint: option(
    'STS, where it is not the public one of the region: scheme, host and port.',
    text('a URL such as https://sts.internal', readSecureEndpoint, { pattern: '^https?://' }),
  ),
  policy: option(
    'A session policy, JSON in quotes, which limits what the role may do.',
    text('a policy in JSON', (got) => (isJsonObject(got) && got.length <= 2048 ? { value: got } : REFUSED)),
  ),
  policy_arns: option(
    'Managed policies, at most 10, which limit what the role may do.',
    listOf(policyArn, 'ARNs', 'arn'),
    [],
  ),
  ca_file: caFile,
};

const assumeRole = mapping({
  type: v.literal('assume_role'),
  role_arn: required('The role.', word(ARN, ROLE_ARN)),
  from: option('The source whose credentials are used to assume it.', name, INSTANCE),
  external_id: option(
    'What the owner of the role asks for, if that is another account.',
    word('letters, digits and + = , . @ : / _ -, 2 to 1224 of them', /^[A-Za-z0-9_+=,.@:/-]{2,1224}$/),
  ),
  ...ofSts,
  tags: option(
    'Session tags, by their keys, at most 50.',
    withoutLists(v.record(v.string(), tag, expectation('tags by key'))),
    {},
  ),
  transitive_tags: option('Keys of tags that later sessions keep.', listOf(v.string(), 'keys of tags', 'key'), []),
  source_identity: option(
    'Who is behind the session; all later ones keep it.',
    word(SESSION, /^(?!aws:)[\w+=,.@-]{2,64}$/),
  ),
});

const webIdentity = mapping({
  type: v.literal('web_identity'),
  role_arn: option('The role. Left out, with token_file: AWS_ROLE_ARN.', word(ARN, ROLE_ARN)),
  token_file: option(
    'The file of the token, which somebody else renews. Left out, with role_arn: AWS_WEB_IDENTITY_TOKEN_FILE.',
    path,
  ),
  ...ofSts,
});

const container = mapping({
  type: v.literal('container'),
  ...ofForeign,
  endpoint: option(
    'The whole URL that gives the credentials. Left out: that of the variables AWS_CONTAINER_CREDENTIALS_*, with their token.',
    text('a URL such as http://169.254.170.23/v1/credentials', readContainerEndpoint, { pattern: '^https?://' }),
  ),
  token_file: option('With endpoint, the file of the token that it asks for, which somebody else renews.', path),
  user: option(
    'The user who may listen, beside root, if the endpoint is a port of this host, a name or a numeric id.',
    owner,
  ),
  ca_file: caFile,
});

const VALUE = 'a text, or file: and its path';

const process = mapping({
  type: v.literal('process'),
  ...ofForeign,
  command: required(
    'Program, an absolute path, and arguments, which prints credentials as credential_process does; there is no shell.',
    command,
  ),
  user: option('The user to run it as, a name or a numeric id: needed where credrotate runs as root.', owner),
  environment: option(
    'Its variables, beside the usual ones of that user: a text, or the file (mode 0600) that holds the value.',
    withoutLists(
      v.record(
        word('the name of a variable', /^[A-Za-z_]\w{0,127}$/),
        v.union(
          [
            text('a text of one line', readLine, {}, quote),
            mapping({ file: required('A file of that user or of root that nobody else can read.', path) }),
          ],
          expectation(VALUE),
        ),
        expectation('variables by name'),
      ),
    ),
    {},
  ),
  timeout: option('How long it may run before it is ended.', duration('1s', '10m'), '60s'),
});

const file = mapping({
  type: v.literal('file'),
  ...ofForeign,
  path: required('The file, which another program keeps.', path),
  format: option('How it is written.', choice('aws-credentials', 'json', 'dotenv'), 'aws-credentials'),
  profile: option(
    'For format: aws-credentials, the profile.',
    text('a profile of letters, digits and _ - / . % @ : +', readProfile, {}, quote),
    'default',
  ),
});

const TYPES = [assumeRole, webIdentity, container, process, file] as const;
const TYPE_NAMES = oneOf(TYPES.map(({ entries }) => entries.type.literal));

export const source = withoutLists(
  v.variant('type', TYPES, ({ path: at }) => expectation(at ? TYPE_NAMES : 'keys and values')),
);

/** A source whose type is not known: what is wrong with it whatever it is to be. */
export const sourceOfAnyType = mapping({ ...unchecked(...TYPES.map(({ entries }) => entries)), ...ofForeign });

export type SourceSettings = v.InferOutput<typeof source>;
