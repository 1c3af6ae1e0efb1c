import { fstatSync } from 'node:fs';
import createLogger from 'winston/lib/winston/create-logger.js';
import StreamTransport from 'winston/lib/winston/transports/stream.js';
import type { LogConfig, LogLevel } from '../core/config.ts';
import type { Log, LogFields } from '../core/contracts.ts';
import { renderLine, type LineFormat } from './log-line.ts';

export interface LogOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard error, if not given. */
  readonly stream?: LogStream;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface LogStream extends NodeJS.WritableStream {
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
