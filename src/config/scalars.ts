import { normalize } from 'node:path/posix';
import { SIGNALS, type SignalName } from '../core/config.ts';

/** A value, or why the text is none: what was expected instead of the usual, and what to do. */
export type Reading<T> = { readonly value: T } | Rejection;

export interface Rejection {
  readonly expected?: string;
  readonly hint?: string;
}

/** Where the usual expectation is enough. */
export const REFUSED: Rejection = {};

const MODE = /^(?:0o|0*)([0-7]{1,4})$/;

export type Mode = number | 'any';

/** Permission bits, octal with or without a leading 0 or 0o. */
export function readMode(text: string): Reading<Mode> {
  if (text === 'any') return { value: text };
  const digits = MODE.exec(text)?.[1];
  if (digits === undefined) return { hint: 'write it in octal, as for chmod' };
  const mode = Number.parseInt(digits, 8);
  if (mode > 0o777) return { hint: 'set-user-id, set-group-id and sticky bits mean nothing for such a file' };
  if ((mode & 0o002) !== 0)
    return { hint: 'others could put credentials of their own there: leave out their write bit' };
  if ((mode & 0o400) === 0) return { hint: 'the owner could not read it: the first digit is 4 or more' };
  return { value: mode };
}

/** The units in falling order, each at most once. */
export const DURATION = /^(?=\d)(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?$/;

/** Milliseconds of `2h30m`, `90s`, `500ms`. */
export function readDuration(text: string): number | undefined {
  const parts: readonly (string | undefined)[] | undefined = DURATION.exec(text)?.slice(1);
  if (!parts) return undefined;
  const [hours = 0, minutes = 0, seconds = 0, milliseconds = 0] = parts.map((part) => Number(part ?? 0));
  return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
}

/** Linux's PATH_MAX counts the ending zero. */
const MAX_PATH_BYTES = 4095;

/** An absolute path of a file, without repeated or single dots' detours. */
export function readPath(text: string): Reading<string> {
  if (text.startsWith('~')) return { hint: 'write the home directory out: there is no shell to expand ~' };
  if (!text.startsWith('/')) return { hint: 'begin it with /' };
  if (/[\u0000-\u001f\u007f]/.test(text)) return { expected: 'a path without control characters' };
  if (text.split('/').includes('..'))
    return { hint: 'write it without .., which means something else behind a symlink' };
  if (/\/\.?$/.test(text)) return { expected: 'the path of a file', hint: 'name the file in the directory too' };
  if (Buffer.byteLength(text) > MAX_PATH_BYTES) return { expected: `a path of at most ${MAX_PATH_BYTES} bytes` };
  return { value: normalize(text) };
}

/** The collector reads no other files. */
export function readTextfile(text: string): Reading<string> {
  const reading = readPath(text);
  return 'value' in reading && !/[^/]\.prom$/.test(reading.value) ? REFUSED : reading;
}

export function readSignal(text: string): Reading<SignalName> {
  const value = SIGNALS.find((name) => name === text || name === `SIG${text}`);
  return value === undefined ? REFUSED : { value };
}

const UNIT_TYPES = /\.(?:service|socket|target|timer|path|mount|automount|swap|slice|scope|device)$/;
/** Without a leading hyphen, which systemctl would take for an option. */
const UNIT = /^[A-Za-z0-9:_.\\][A-Za-z0-9:_.\\@-]*$/;

/** A systemd unit; without a type it is a service, as for systemctl. */
export function readUnit(text: string): Reading<string> {
  const name = UNIT_TYPES.test(text) ? text : `${text}.service`;
  if (!UNIT.test(name) || name.length > 255) return REFUSED;
  if (name.includes('@.')) return { hint: 'name an instance of the template: name@instance.service' };
  if (/^credrotate(?:-[a-z]+)?\.(?:service|timer)$/.test(name)) {
    return { expected: 'a unit other than our own', hint: 'the agent would restart itself with every rotation' };
  }
  return { value: name };
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.@\\-]{0,254}\$?$/;
/** The last one, (uid_t) -1, means "leave it" to chown. */
const MAX_ID = 2 ** 32 - 2;

/** A user or group: a name, or a numeric id, which may come in quotes. */
export function readOwner(value: string | number): Reading<string | number> {
  if (typeof value === 'string' && value.includes(':')) return { hint: 'write owner and group as two settings' };
  if (typeof value === 'string' && NAME.test(value)) return { value };
  const id = typeof value === 'string' && !/^\d{1,10}$/.test(value) ? Number.NaN : Number(value);
  return Number.isInteger(id) && id >= 0 && id <= MAX_ID ? { value: id } : REFUSED;
}

/** `aws.accessKeyId`, or the keys as they are. */
export function readKeys(value: string | readonly string[]): Reading<readonly string[]> {
  const keys = typeof value === 'string' ? value.split('.') : value;
  const usable = keys.length > 0 && keys.every((key) => key !== '' && key !== '__proto__');
  return usable ? { value: keys } : REFUSED;
}

export function readDelimiters(marks: readonly string[]): Reading<readonly [string, string]> {
  const [open = '', close = ''] = marks;
  const isUsable = marks.length === 2 && open !== close && marks.every((mark) => /^[^\s\w|]{1,10}$/.test(mark));
  return isUsable ? { value: [open, close] } : REFUSED;
}

/** The names that the strictest reader, the AWS SDK for Java, takes. */
export const PROFILE = /^[A-Za-z0-9_\-/.%@:+]{1,128}$/;

export function readProfile(text: string): Reading<string> {
  if (!PROFILE.test(text)) return REFUSED;
  const hint = 'readers take [DEFAULT] as a base of all other profiles: default is another one';
  return text === 'DEFAULT' ? { expected: 'another profile', hint } : { value: text };
}

/** Names that we write ourselves, or that have a meaning of their own to readers. */
const TAKEN =
  /^(?:aws_(?:access_key_id|secret_access_key|session_token|security_token|account_id)|region|output|role_arn|source_profile|credential_process|web_identity_token_file|sso_.*)$/i;

export function readExpirationKey(text: string): Reading<string> {
  if (TAKEN.test(text)) return { expected: 'a key that means nothing else' };
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/.test(text) ? { value: text } : REFUSED;
}

/** A value of the environment. */
export function readLine(text: string): Reading<string> {
  return /[\0\r\n]/.test(text) ? REFUSED : { value: text };
}

export function readArgument(text: string): Reading<string> {
  return text.includes('\0') ? { expected: 'text without a zero byte' } : { value: text };
}
