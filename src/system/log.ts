import { fstatSync } from 'node:fs';
import createLogger from 'winston/lib/winston/create-logger.js';
import StreamTransport from 'winston/lib/winston/transports/stream.js';
import { LOG_LEVELS, type LogConfig, type LogFormat, type LogLevel } from '../core/config.ts';
import type { Environment, Log, LogFields, LogValue } from '../core/contracts.ts';
import { printable, UNPRINTABLE } from '../core/printable.ts';

interface LogOptions {
  readonly env: Environment;
  readonly stream?: LogStream;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

interface LogStream extends NodeJS.WritableStream {
  readonly fd?: number;
  /** Bytes that wait for a reader. */
  readonly writableLength?: number;
}

/** Without a reader the agent continues: lines beyond this are counted instead of kept. */
const MAX_BACKLOG = 1024 * 1024;
const LEVELS = Object.fromEntries(LOG_LEVELS.map((level, index) => [level, index]));
const MESSAGE = Symbol.for('message');

/** Writes one line per event. Never throws, even if the stream breaks. */
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
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(config.level)) return;
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

/** A single line without its end, whatever the message and the fields contain. */
function renderLine(format: LineFormat, { level, message, fields, time }: LogEvent): string {
  const { event, ...rest } = fields;
  const said = cut(message);
  const shown = Object.entries(rest).map(([name, value]) => [name, clean(name, value)] as const);
  if (format === 'json') {
    const ours = { time: new Date(time).toISOString(), level, event, message: said };
    // Ours come first, and a field cannot take the name of one of them.
    return escapeJson(JSON.stringify({ ...ours, ...Object.fromEntries(shown), ...ours }));
  }
  const pairs = shown.flatMap(([name, value]) =>
    value === undefined || (typeof value === 'object' && value.length === 0)
      ? []
      : `${word(name)}=${word(String(value))}`,
  );
  const text = [printable(said), ...pairs].join(' ');
  if (format === 'journald') return `<${String(PRIORITY[level])}>${text}`;
  return `${new Date(time).toISOString().slice(0, 19)}Z ${level.padEnd(5)} ${text}`;
}

/** syslog(3)'s. */
const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

/** Each unprintable character as the escapes of its UTF-16 units, which JSON readers undo. */
function escapeJson(line: string): string {
  return line.replace(UNPRINTABLE, (character) =>
    Array.from(character.split(''), (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  );
}

const SECRET_NAME = /secret|token|password|passphrase|authorization/i;
const MAX_TEXT = 2000;
const MAX_ITEMS = 100;

/** Cuts a value to a printable length. No field takes a Secret; names that sound like one are a second net. */
function clean(name: string, value: LogValue): LogValue {
  if (value === undefined || typeof value === 'number') return value;
  if (SECRET_NAME.test(name)) return '[secret]';
  return typeof value === 'string' ? cut(value) : value.slice(0, MAX_ITEMS).map(cut);
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/** Quoted if a reader could not find its end. */
function word(text: string): string {
  if (/^[^\s"=\\]+$/.test(text) && printable(text) === text) return text;
  return `"${printable(text.replace(/["\\]/g, '\\$&'))}"`;
}
