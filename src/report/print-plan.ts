import type { ConsumerConfig } from '../core/config.ts';
import { printable } from '../core/printable.ts';
import type { Prospect } from '../core/prospect.ts';
import { named } from '../core/sink-id.ts';
import type { Paint } from './paint.ts';
import { errorLines, sinkLines, sourceLines } from './print-report.ts';
import type { Report } from './report-schema.ts';
import type { ConsumerStatus } from './status.ts';
import { count } from './text.ts';

/** For people: a line for the source, each sink with its difference and each consumer, and what it comes to. */
export function printPlan(report: Report, news: string, paint: Paint): string {
  const { source, sinks = [], consumers = [] } = report;
  return [
    ...(source ? sourceLines({ ...report, source }, news) : []),
    ...named(sinks).flatMap((sink) => sinkLines(sink, paint)),
    ...consumers.flatMap(prospectLines),
    ...(source?.error ? [] : [summary(report)]),
    '',
  ].join('\n');
}

/** What the notification of a consumer would come to, as a part of a report. */
export function prospective(
  { name, type }: ConsumerConfig,
  sinks: readonly string[],
  { action, processes, result }: Prospect,
): ConsumerStatus {
  const common = { name, type, sinks: [...sinks] };
  if (!result) return { ...common, detail: `${action}${action.startsWith('SIG') ? receivers(processes) : ''}` };
  const said = 'error' in result ? { error: result.error } : { detail: result.detail };
  return { ...common, result: result.result, ...said };
}

/** Of many processes the first few are named. */
const NAMED = 5;

function receivers(processes: Prospect['processes']): string {
  const words = processes
    .slice(0, NAMED)
    .map(({ pid, program }) => `pid ${pid}${program === undefined ? '' : ` (${program})`}`);
  const more = processes.length > NAMED ? [`${processes.length - NAMED} more`] : [];
  return words.length === 0 ? '' : ` to ${[...words, ...more].join(', ')}`;
}

/** The same for people. */
export function prospectLines({ name, result, detail = '', error, dueAt }: ConsumerStatus): string[] {
  if (result === undefined) return [printable(`would notify ${name}: ${detail}`)];
  if (dueAt !== undefined) return [`would notify ${name} at ${dueAt}, when little is left of what it knows`];
  if (error) return [printable(`would not notify ${name}`), ...errorLines(error)];
  return [printable(`would not notify ${name}: ${detail}`)];
}

/** `SIGHUP to the process of /run/legacy.pid` */
export function describeNotification(consumer: ConsumerConfig): string {
  return `${how(consumer)}${WHEN[consumer.when]}`;
}

function how(consumer: ConsumerConfig): string {
  switch (consumer.type) {
    case 'systemd':
      return consumer.action === 'kill'
        ? `${consumer.signal} to the main process of ${consumer.unit}`
        : `${consumer.action} ${consumer.unit}`;
    case 'signal': {
      const { pidFile, process } = consumer.target;
      const whom = pidFile === undefined ? `every process of ${process?.exe ?? ''}` : `the process of ${pidFile}`;
      return `${consumer.signal} to ${whom}`;
    }
    case 'exec':
      return `run ${consumer.command[0] ?? ''}`;
  }
}

const WHEN: Readonly<Record<ConsumerConfig['when'], string>> = {
  changed: '',
  expiring: ', when what it knows runs out',
  auto: ' (a restart only when due)',
};

function summary({ sinks = [], consumers = [] }: Report): string {
  const changing = sinks.filter(({ diff }) => diff).length;
  if (changing === 0 && consumers.length === 0) return 'nothing would change';
  const due = consumers.filter(({ result, dueAt }) => result === undefined || dueAt !== undefined).length;
  const notified = due === 0 ? 'nobody' : count(due, 'consumer');
  return `would write ${changing} of ${count(sinks.length, 'sink')} and notify ${notified}`;
}
