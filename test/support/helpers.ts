import { formatExpiration } from '../../src/core/credentials.ts';

/** Programs that print credentials, good ones and all kinds of bad ones: each a script for /bin/sh. */

export const KEY = 'ASIAHELPER0000000001';
export const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
export const TOKEN = 'IQoJb3JpZ2luX2VjEDw';

export function printed(change: Readonly<Record<string, unknown>> = {}, life = 3_600_000): string {
  const whole = {
    ...{ Version: 1, AccessKeyId: KEY, SecretAccessKey: SECRET, SessionToken: TOKEN },
    Expiration: formatExpiration(Date.now() + life),
    ...change,
  };
  return JSON.stringify(whole);
}

export function prints(text: string): string {
  return `printf %s '${text}'`;
}

const GOOD = prints(printed());

/** How helpers misbehave, and what is said of it: the code, and a part of the message. Beside those whose JSON is bad. */
export const MISBEHAVIOURS: readonly (readonly [name: string, script: string, code: string, message: RegExp])[] = [
  ['hangs', 'sleep 60', 'SOURCE_UNREACHABLE', /expected an end within 1 s, got none$/],
  [
    'hangs and does not hear SIGTERM',
    "trap '' TERM; sleep 60 & while :; do wait; done",
    'SOURCE_UNREACHABLE',
    /within 1 s/,
  ],
  ['floods standard output', 'yes', 'SOURCE_MALFORMED', /expected at most 65536 bytes, got more$/],
  ['floods standard error', 'yes >&2', 'SOURCE_UNREACHABLE', /expected an end within 1 s, got none; it says: y$/],
  ['asks on standard input', 'read -r answer || exit 3', 'SOURCE_UNREACHABLE', /expected exit code 0, got 3$/],
  ['asks on the terminal', 'exec 2>/dev/null; read -r answer </dev/tty || exit 4', 'SOURCE_UNREACHABLE', /got [24]$/],
  ['prints good credentials and fails', `${GOOD}; exit 1`, 'SOURCE_UNREACHABLE', /expected exit code 0, got 1$/],
  ['is killed', 'kill -9 $$', 'SOURCE_UNREACHABLE', /expected exit code 0, got SIGKILL$/],
  [
    'says why it fails',
    'echo first >&2; echo "no certificate" >&2; exit 1',
    'SOURCE_UNREACHABLE',
    /; it says: no certificate$/,
  ],
  [
    'says a secret key',
    `echo "bad key ${SECRET}" >&2; exit 1`,
    'SOURCE_UNREACHABLE',
    /is not shown, since it may hold a secret$/,
  ],
  ['says a PIN', 'echo "pkcs11:object=x?pin-value=1234" >&2; exit 1', 'SOURCE_UNREACHABLE', /is not shown/],
  ['says a password', 'echo "password: hunter22" >&2; exit 1', 'SOURCE_UNREACHABLE', /is not shown/],
  ['says a token of Vault', 'echo "got s.aBcDeFgHiJkLmNoPqRsTuVwX" >&2; exit 1', 'SOURCE_UNREACHABLE', /is not shown/],
  ['says a token of digits', 'printf %040x 0xabcdef >&2; exit 1', 'SOURCE_UNREACHABLE', /is not shown/],
  ['says a variable of its own', 'echo "with $HIDDEN" >&2; exit 1', 'SOURCE_UNREACHABLE', /is not shown/],
  [
    'steers a terminal',
    String.raw`printf '\033[2Jgone' >&2; exit 1`,
    'SOURCE_UNREACHABLE',
    /it says: \\u\{1b\}\[2Jgone$/,
  ],
  [
    'logs before the JSON',
    `echo 'logging in'; ${GOOD}`,
    'SOURCE_MALFORMED',
    /a JSON object and nothing else, got something else$/,
  ],
  [
    'goes on after the JSON',
    `${GOOD}; echo done`,
    'SOURCE_MALFORMED',
    /a JSON object and nothing else, got something else$/,
  ],
  ['prints nothing', ':', 'SOURCE_MALFORMED', /a JSON object and nothing else, got nothing$/],
  [
    'prints bytes that are no text',
    String.raw`printf '{"Version":1,"AccessKeyId":"\377"}'`,
    'SOURCE_MALFORMED',
    /AccessKeyId in visible ASCII/,
  ],
];

/** JSON that is not taken, and what is said of it. */
export const DOCUMENTS: readonly (readonly [name: string, change: Record<string, unknown>, message: RegExp])[] = [
  ['another version', { Version: 100 }, /expected Version 1, got another$/],
  ['a version that is a text', { Version: '1' }, /expected Version 1, got another$/],
  ['no version', { Version: undefined }, /expected Version 1, got none$/],
  ['no key id', { AccessKeyId: undefined }, /expected the field AccessKeyId, got none$/],
  ['no secret', { SecretAccessKey: undefined }, /expected the field SecretAccessKey, got none$/],
  ['an empty secret', { SecretAccessKey: '' }, /expected SecretAccessKey with a value, got an empty one$/],
  ['a secret with a line end', { SecretAccessKey: 'a\nb' }, /expected SecretAccessKey in visible ASCII/],
  ['no session token', { SessionToken: undefined }, /expected the field SessionToken, got none$/],
  ['an expiration that is no time', { Expiration: 'soon' }, /expected Expiration as an RFC 3339 time/],
  ['an empty expiration', { Expiration: '' }, /expected Expiration with a value, got an empty one$/],
  ['two tokens', { sessiontoken: 'another' }, /expected one value for SessionToken, got several$/],
];
