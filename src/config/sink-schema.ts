import * as v from 'valibot';
import { INSTANCE } from '../core/config.ts';
import { type Field, FIELDS } from '../core/fields.ts';
import { DELIMITERS, FILTERS } from '../core/template.ts';
import {
  choice,
  expectation,
  flag,
  listOf,
  mapping,
  mode,
  name,
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
import { PRESETS } from './presets.ts';
import { oneOf } from './problem.ts';
import { PROFILE, readDelimiters, readExpirationKey, readKeys, readProfile, REFUSED } from './scalars.ts';

const FILE = 'The file to keep equal to the credentials, an absolute path.';

const ofSinks = {
  path: required(FILE, path),
  source: option('The source whose credentials it holds.', name, INSTANCE),
  owner: option('Owner of the file: a name or a numeric id. Left out: the user that the agent acts as.', owner),
  group: option("Group of the file: a name or a numeric id. Left out: the owner's primary group.", owner),
  mode: option(
    'Permission bits, octal however they are written; or `any`: the mode of the file system, if it keeps others out. Left out: 0600.',
    mode,
  ),
  notify: option('The consumers to notify when this file changes.', listOf(name, 'consumers', 'name'), []),
};

const comment = option('Begin a new file with a comment that names credrotate.', flag, true);

const awsCredentials = mapping({
  format: v.literal('aws-credentials'),
  ...ofSinks,
  profile: option(
    'The profile to keep.',
    text('a profile name of letters, digits and _ - / . % @ : +', readProfile, { pattern: PROFILE.source }, quote),
    'default',
  ),
  security_token: option(
    'aws_security_token, the older name of the session token: auto keeps it equal if it is there.',
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

/** Settings by field. `about`: of each, after the field's name. */
function byField<I, O>(
  about: string,
  schema: v.GenericSchema<I, O>,
): v.GenericSchema<Readonly<Partial<Record<Field, I>>>, Readonly<Partial<Record<Field, O>>>> {
  return mapping(ofFields(about, schema));
}

function ofFields<S extends v.GenericSchema>(
  about: string,
  schema: S,
): Record<Field, v.ExactOptionalSchema<S, undefined>> {
  const entries = FIELDS.map((field) => [field, option(`The ${about} of the ${field}.`, schema)] as const);
  // Object.fromEntries knows no key types.
  return Object.fromEntries(entries) as Record<Field, v.ExactOptionalSchema<S, undefined>>;
}

const variable = word('a variable name of letters, digits and _', /^[A-Za-z_][A-Za-z0-9_]*$/);

const prefix = word('a prefix of letters, digits and _', /^([A-Za-z_][A-Za-z0-9_]*)?$/);

const names = mapping({
  ...ofFields('variable', variable),
  expiration: option('The variable of the expiration; null to leave it out.', v.nullable(variable)),
});

const dotenv = mapping({
  format: v.literal('dotenv'),
  ...ofSinks,
  prefix: option('Put before each of the usual variable names.', prefix, ''),
  names: option('Variable names instead of the usual ones, without the prefix.', names, {}),
  region: option('Write AWS_REGION and AWS_DEFAULT_REGION too: SDKs read the one or the other.', flag, false),
  export: option('Begin new lines with "export ".', flag, false),
  only: option('Own the whole file: nothing else stays in it.', flag, false),
  comment,
});

const KEYS = 'keys from the root, such as aws.accessKeyId or [aws, accessKeyId]';
const place = v.pipe(
  v.union([v.string(), v.array(v.string())], expectation(KEYS)),
  reading<string | string[], readonly string[]>(KEYS, readKeys),
);

const json = mapping({
  format: v.literal('json'),
  ...ofSinks,
  shape: option(
    'imds: as the metadata service answers; process: for credential_process; container: as ECS answers; superset: all.',
    choice('imds', 'process', 'container', 'superset'),
  ),
  keys: option('Places for single values in an existing JSON file, instead of a shape.', byField('place', place)),
});

const fileName = word(
  'a file name that does not begin with a dot',
  /^[^/.\u0000-\u001f\u007f][^/\u0000-\u001f\u007f]{0,199}$/,
);

const value = mapping({
  format: v.literal('value'),
  ...ofSinks,
  path: option(FILE, path),
  field: option('What the file is.', choice(...FIELDS)),
  directory: option('Instead of path and field: a directory of such files, which are replaced together.', path),
  names: option('The files in the directory.', byField('name of the file', fileName)),
  newline: option('End the file with a newline.', flag, false),
});

const KEY = 'a key of letters, digits and _ . - / [ ], or a list of such keys';
const isKey = /^[A-Za-z0-9_][\w./[\]-]{0,127}$/;
const theirKeys = v.pipe(
  v.union([v.string(), v.array(v.string())], expectation(KEY)),
  reading<string | string[], readonly string[]>(KEY, (value) => {
    const list = typeof value === 'string' ? [value] : value;
    return list.length > 0 && list.every((key) => isKey.test(key)) ? { value: list } : REFUSED;
  }),
);

const ini = mapping({
  format: v.literal('ini'),
  ...ofSinks,
  preset: option(
    'Section and keys as a program wants them; what is set beside it counts.',
    choice(...(Object.keys(PRESETS) as (keyof typeof PRESETS)[])),
  ),
  section: option(
    'The section; null for the part before the first.',
    v.nullable(word('a name without brackets, # and ;', /^[^[\]#;\s]([^[\]#;\u0000-\u001f]{0,126}[^[\]#;\s])?$/)),
  ),
  keys: option('Keys, or lists of keys, by field.', byField('key', theirKeys)),
  quote: option('Whether values are put in double quotes, as PHP wants them.', choice('none', 'double'), 'none'),
});

const properties = mapping({
  format: v.literal('properties'),
  ...ofSinks,
  keys: required('Keys, or lists of keys, by field.', byField('key', theirKeys)),
});

const DELIMITING = 'a list of two different marks, such as ["<%", "%>"]';

const template = mapping({
  format: v.literal('template'),
  ...ofSinks,
  template: option('The whole file, with placeholders such as {{ secret_access_key | xml }}.', v.string('text')),
  template_file: option('A file that is the template; it is read with the configuration.', path),
  escape: option('The filter of placeholders that name none. Left out: values must be plain.', choice(...FILTERS)),
  delimiters: option(
    'What placeholders are between.',
    v.pipe(v.array(v.string(), DELIMITING), reading<string[], readonly [string, string]>(DELIMITING, readDelimiters)),
    [...DELIMITERS],
  ),
});

const FORMATS = ['aws-credentials', 'dotenv', 'json', 'ini', 'properties', 'template', 'value'];

export const sink = withoutLists(
  v.variant('format', [awsCredentials, dotenv, json, ini, properties, template, value], ({ path: at }) =>
    expectation(at ? oneOf(FORMATS) : 'keys and values'),
  ),
);

/** A sink whose format is not known: what is wrong with it whatever it is to be. */
export const sinkOfAnyFormat = mapping({
  ...unchecked(
    awsCredentials.entries,
    dotenv.entries,
    json.entries,
    ini.entries,
    properties.entries,
    template.entries,
    value.entries,
  ),
  ...ofSinks,
  path: option(FILE, path),
});

export type SinkSettings = v.InferOutput<typeof sink>;
