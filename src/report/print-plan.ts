import type { ConsumerConfig } from '../core/config.ts';
import { named } from '../core/sink-id.ts';
import type { Paint } from './paint.ts';
import { sinkLines, sourceLines } from './print-report.ts';
import type { Report } from './report-schema.ts';
import { count } from './text.ts';

/** For people: a line for the source, each sink with its difference and each consumer, and what it comes to. */
export function printPlan(report: Report, news: string, paint: Paint): string {
  const { source, sinks = [], consumers = [] } = report;
  return [
    ...(source ? sourceLines({ ...report, source }, news) : []),
    ...named(sinks).flatMap((sink) => sinkLines(sink, paint)),
    ...consumers.map(({ name, detail = '' }) => `would notify ${name}: ${detail}`),
    ...(source?.error ? [] : [summary(report)]),
    '',
  ].join('\n');
}

/** `SIGHUP to the process of /run/legacy.pid` */
export function describeNotification(consumer: ConsumerConfig, isPending: boolean): string {
  return `${how(consumer)}${WHEN[consumer.when]}${isPending ? '; it is pending already' : ''}`;
}

function how(consumer: ConsumerConfig): string {
  switch (consumer.type) {
    case 'systemd':
      return consumer.action === 'kill'
        ? `${consumer.signal} to the main process of ${consumer.unit}`
        : `${consumer.action} ${consumer.unit}`;
    case 'signal':
      return 'pidFile' in consumer.target
        ? `${consumer.signal} to the process of ${consumer.target.pidFile}`
        : `${consumer.signal} to every process of ${consumer.target.process.exe}`;
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
  const notified = consumers.length === 0 ? 'nobody' : count(consumers.length, 'consumer');
  return `would write ${changing} of ${count(sinks.length, 'sink')} and notify ${notified}`;
}
