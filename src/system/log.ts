import { fstatSync } from 'node:fs';
import createLogger from 'winston/lib/winston/create-logger.js';
import StreamTransport from 'winston/lib/winston/transports/stream.js';
import type { LogConfig, LogFormat, LogLevel } from '../core/config.ts';
import type { Log, LogFields } from '../core/contracts.ts';
import { toErrorInfo } from '../core/errors.ts';
import { printable, UNPRINTABLE } from '../core/printable.ts';
import { Secret } from '../core/secret.ts';

interface LogOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard error, if not given. */
  readonly stream?: LogStream;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

interface LogStream extends NodeJS.WritableStream {
  readonly fd?: number;
  /** Bytes that wait for a reader. */
  readonly writableLength?: number;
}

/** While nobody reads, we go on: what does not fit is counted instead of kept. */
const MAX_BACKLOG = 1024 * 1024;
const LEVELS: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
/** Where winston's transports look for the finished line. */
const MESSAGE = Symbol.for('message');

/** One line for each event. Never throws, whatever becomes of the stream. */
export function createLog(config: LogConfig, options: LogOptions): Log {
  const { stream = process.stderr, now = Date.now } = options;
  // A reader that went away takes the lines with it, not the agent.
  stream.on('error', () => undefined);
  const format = config.format === 'auto' ? detect(options.env, stream) : config.format;
  const logger = createLogger({
    level: config.level,
    levels: LEVELS,
    format: { transform: (info) => info },
    transports: [new StreamTransport({ stream, eol: '\n' })],
  });
  let dropped = 0;
  const write = (level: LogLevel, message: string, fields: LogFields): void => {
    logger.log({ level, message: '', [MESSAGE]: renderLine(format, { level, message, fields, time: now() }) });
  };
  const log = (level: LogLevel) => (message: string, fields: LogFields) => {
    if (LEVELS[level] > LEVELS[config.level]) return;
    if ((stream.writableLength ?? 0) > MAX_BACKLOG) {
      dropped++;
      return;
    }
    if (dropped > 0)
      write('warn', `${String(dropped)} lines were not kept: nobody read the log`, { event: 'log_dropped' });
    dropped = 0;
    write(level, message, fields);
  };
  return { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') };
}

/** systemd names the device and inode of the stream that it reads; another one, after a redirection, is for people. */
function detect(env: LogOptions['env'], stream: LogStream): LineFormat {
  if (env['JOURNAL_STREAM'] === undefined) return 'text';
  try {
    const { dev, ino } = fstatSync(stream.fd ?? 2, { bigint: true });
    return env['JOURNAL_STREAM'] === `${String(dev)}:${String(ino)}` ? 'journald' : 'text';
  } catch {
    // Closed before we started.
    return 'text';
  }
}

interface LogEvent {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
  /** Epoch milliseconds. */
  readonly time: number;
}

type LineFormat = Exclude<LogFormat, 'auto'>;

/** One line without its end, whatever the message and the fields hold. Never throws. */
function renderLine(format: LineFormat, { level, message, fields, time }: LogEvent): string {
  const { event, ...rest } = fields;
  const said = cut(message);
  if (format === 'json') return renderJson({ time: new Date(time).toISOString(), level, event, message: said }, rest);
  const text = [printable(said), ...pairs('', clean(rest))].join(' ');
  if (format === 'journald') return `<${String(PRIORITY[level])}>${text}`;
  return `${new Date(time).toISOString().slice(0, 19)}Z ${level.padEnd(5)} ${text}`;
}

/** syslog(3)'s. */
const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** Ours come first, and a field cannot take the name of one of them. */
function renderJson(ours: Readonly<Record<string, string>>, fields: object): string {
  const line = JSON.stringify({ ...ours, ...Object(clean(fields)), ...ours });
  return line.replace(UNPRINTABLE, (character) =>
    Array.from({ length: character.length }, (_, index) => unitEscape(character.charCodeAt(index))).join(''),
  );
}

function unitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

type Clean = string | number | boolean | undefined | readonly Clean[] | { readonly [key: string]: Clean };

const REDACTED = '[secret]';
const SECRET_NAME = /secret|token|password|passphrase|authorization/i;
const MAX_TEXT = 2000;
const MAX_ITEMS = 100;
const MAX_DEPTH = 4;

/** What may be printed of a value. Secrets have a type that cannot print; names that sound like one are a second net. */
function clean(value: unknown, name = '', depth = 0): Clean {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  if (isSecret(value, name)) return REDACTED;
  if (typeof value === 'string') return cut(value);
  if (typeof value === 'object') return depth === MAX_DEPTH ? '…' : cleanObject(value, depth);
  return typeof value === 'bigint' ? String(value) : typeof value;
}

function isSecret(value: unknown, name: string): boolean {
  return value instanceof Secret || SECRET_NAME.test(name);
}

function cleanObject(value: object, depth: number): Clean {
  // Their own text is not asked for: it may be anybody's.
  if (value instanceof Error) return { ...toErrorInfo(value) };
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => clean(item, '', depth + 1));
  try {
    if (value instanceof Date) return value.toISOString();
    const entries = ArrayBuffer.isView(value) ? [] : Object.entries(value).slice(0, MAX_ITEMS);
    return Object.fromEntries(entries.map(([key, inner]) => [key, clean(inner, key, depth + 1)]));
  } catch {
    // No date, or a getter that throws: a log line must not.
    return '…';
  }
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** `key=value` for what is there; what is nested gets dotted keys. */
function pairs(name: string, value: Clean): string[] {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return [];
  if (typeof value !== 'object') return [`${word(name)}=${word(String(value))}`];
  if (!Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) => pairs(name === '' ? key : `${name}.${key}`, inner));
  }
  const isFlat = value.every((item) => typeof item !== 'object');
  return [`${word(name)}=${word(isFlat ? value.join(',') : JSON.stringify(value))}`];
}

/** Quoted where a reader could not tell where it ends. */
function word(text: string): string {
  if (/^[^\s"=\\]+$/.test(text) && printable(text) === text) return text;
  return `"${printable(text.replace(/["\\]/g, '\\$&'))}"`;
}
