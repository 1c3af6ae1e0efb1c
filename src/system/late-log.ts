import { LOG_LEVELS, type LogLevel } from '../core/config.ts';
import type { Log, LogFields } from '../core/contracts.ts';

/** A log that is opened by its first line: most one-shots have nothing to say. Lines keep their order. */
export function openLate(least: LogLevel, open: () => Promise<Log>): Log {
  let log: Log | undefined;
  const waiting: ((log: Log) => void)[] = [];
  const openNow = async (): Promise<void> => {
    log = await open();
    for (const say of waiting.splice(0)) say(log);
  };
  const at = (level: LogLevel) => (message: string, fields: LogFields) => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(least)) return;
    if (log) log[level](message, fields);
    else if (
      waiting.push((opened) => {
        opened[level](message, fields);
      }) === 1
    )
      void openNow();
  };
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') };
}
