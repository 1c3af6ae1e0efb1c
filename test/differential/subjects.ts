import { awsSink, dotenvSink, EXPIRATION, jsonSink, KEY, SECRET, TOKEN } from '../sinks/formats/rendering.ts';
import type { Subject } from './differential.ts';
import { DOTENV, INI, JSON_FILES, PROGRAM_INI, PROPERTIES } from './shapes.ts';

type Files = Omit<Subject, 'readers'>;

const OWN_KEYS =
  /^default\.(aws_(access_key_id|secret_access_key|session_token|security_token)|x_security_token_expires|expiration|expiry_time|aws_(session_|session_token_|credential_|credentials_)?expiration)\s*([:.].*)?$/i;

/** Places are `section.key`. A setting below a key of ours becomes one that all see. */
export const ini: Files = {
  sink: awsSink(),
  shapes: INI,
  count: 300,
  target: {
    'default.aws_access_key_id': KEY,
    'default.aws_secret_access_key': SECRET,
    'default.aws_session_token': TOKEN,
  },
  isOurs: (place, before) =>
    OWN_KEYS.test(place) ||
    /^default\..*aws_\w+\s*:/.test(place) ||
    before.split('\n').some((line) => /^[ \t]+\S/.test(line) && line.includes(place.slice('default.'.length))),
};

/** Of one program: places as above. */
export const programIni: Files = {
  sink: {
    ...{ format: 'ini', path: '/nowhere', source: 'instance', mode: 0o600, notify: [], section: 'sec', quote: 'none' },
    keys: [
      { field: 'access_key_id', key: 'key' },
      { field: 'secret_access_key', key: 'secret' },
      { field: 'session_token', key: 'token' },
    ],
  },
  shapes: PROGRAM_INI,
  count: 400,
  target: { 'sec.key': KEY, 'sec.secret': SECRET, 'sec.token': TOKEN },
  // A key in another case becomes ours, and blanks around the name of the section go.
  isOurs: (place) => /^\s*sec\s*\.(key|secret|token)$/i.test(place) || /^\s+sec\s*\.|^sec\s+\./.test(place),
};

/** Quoted, as PHP wants it, which takes a colon for a part of the key. */
export const phpIni: Files = {
  ...programIni,
  sink: { ...programIni.sink, quote: 'double' } as Files['sink'],
  isOurs: (place, before) => programIni.isOurs(place, before) || /^sec\.(key|secret|token)\s*:/i.test(place),
};

export const properties: Files = {
  sink: {
    ...{ format: 'properties', path: '/nowhere', source: 'instance', mode: 0o600, notify: [] },
    keys: [
      { field: 'access_key_id', key: 'key' },
      { field: 'secret_access_key', key: 'secret' },
      { field: 'session_token', key: 'token' },
    ],
  },
  shapes: PROPERTIES,
  count: 400,
  target: { key: KEY, secret: SECRET, token: TOKEN },
  isOurs: () => false,
};

export const dotenv: Files = {
  sink: dotenvSink(),
  shapes: DOTENV,
  count: 200,
  target: {
    AWS_ACCESS_KEY_ID: KEY,
    AWS_SECRET_ACCESS_KEY: SECRET,
    AWS_SESSION_TOKEN: TOKEN,
    AWS_CREDENTIAL_EXPIRATION: EXPIRATION,
  },
  // Whatever a reader makes of a line of ours that it does not understand.
  isOurs: (place) => /AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|SECURITY_TOKEN|\w*EXPIRATION)/.test(place),
};

/** Places are keys from the root, joined by dots; values are JSON. */
export const json: Files = {
  sink: jsonSink({
    keys: {
      access_key_id: ['aws', 'id'],
      secret_access_key: ['aws', 'secret'],
      session_token: ['aws', 'token'],
      expiration: ['until'],
    },
  }),
  shapes: JSON_FILES,
  count: 100,
  target: { 'aws.id': JSON.stringify(KEY), 'aws.secret': JSON.stringify(SECRET), 'aws.token': JSON.stringify(TOKEN) },
  isOurs: (place) => /^(until|aws|aws\.expiration)$/i.test(place),
};
