import { describeSkew } from '../core/clock-skew.ts';
import type { ConsumerStatus, SinkStatus, Status } from './status.ts';
import { errorLines, warningLines } from './print-report.ts';
import { duration, relative } from './text.ts';

/** A pass that is later than this has not been made: the agent is not running. */
const LATE = 60_000;

export function isOverdue(status: Status, now: number): boolean {
  return status.nextPass !== undefined && now > Date.parse(status.nextPass.at) + LATE;
}

/** One screen for people. */
export function printStatus(status: Status, now: number): string {
  return [
    ...headLines(status, now),
    '',
    'sinks',
    ...(status.sinks.length === 0 ? ['  none configured'] : status.sinks.flatMap((sink) => sinkLines(sink, now))),
    ...(status.consumers.length === 0 ? [] : ['', 'consumers']),
    ...status.consumers.flatMap((consumer) => consumerLines(consumer, now)),
    ...(status.errors.length === 0 ? [] : ['', 'trouble', ...status.errors.flatMap(errorLines)]),
    '',
  ].join('\n');
}

function headLines(status: Status, now: number): string[] {
  const { source, nextPass } = status;
  const { role, accountId, instanceId } = source.origin;
  return [
    `source      ${source.state}`,
    ...(source.error ? errorLines(source.error) : []),
    ...warningLines(describeSkew(source.clockSkew, Date.parse(status.lastPass.at))),
    `role        ${role ?? 'unknown'}${accountId === undefined ? '' : ` in account ${accountId}`}${instanceId === undefined ? '' : ` on ${instanceId}`}`,
    `credentials ${credentialsLine(status, now)}`,
    `last pass   ${relative(Date.parse(status.lastPass.at), now)} (${status.lastPass.trigger}), rotation ${String(status.generation)}`,
    `next pass   ${nextPass ? nextLine(status, nextPass, now) : 'when asked: the last pass was a one-shot'}`,
  ];
}

function nextLine(status: Status, next: NonNullable<Status['nextPass']>, now: number): string {
  const at = Date.parse(next.at);
  if (isOverdue(status, now))
    return `OVERDUE by ${duration(now - at)}: the agent is not running (systemctl start credrotate)`;
  return `${relative(Math.max(at, now), now)} (${next.reason.replaceAll('_', ' ')})`;
}

function credentialsLine({ source }: Status, now: number): string {
  if (source.keyId === undefined || source.expiration === undefined) return 'none';
  const expiration = Date.parse(source.expiration);
  return `key ${source.keyId}, ${expiration > now ? 'expire' : 'EXPIRED'} ${relative(expiration, now)}`;
}

function sinkLines(sink: SinkStatus, now: number): string[] {
  const age = sink.writtenAt === undefined ? 'not written' : `written ${relative(Date.parse(sink.writtenAt), now)}`;
  const standing = sink.error ? sink.result.toUpperCase() : sink.result === 'unknown' ? 'unknown' : 'ok';
  return [
    `  ${standing.padEnd(9)} ${sink.path} (${sink.format}), ${age}`,
    ...(sink.error ? errorLines(sink.error) : []),
    ...warningLines(...sink.warnings),
  ];
}

function consumerLines(consumer: ConsumerStatus, now: number): string[] {
  const { known, result } = consumer;
  const told = known ? `knows rotation ${String(known.generation)}, since ${relative(Date.parse(known.at), now)}` : '';
  const standing = result === 'pending' ? 'PENDING' : (result ?? (known ? 'told' : 'idle'));
  return [
    `  ${standing.padEnd(9)} ${consumer.name} (${consumer.type})${told === '' ? '' : `, ${told}`}`,
    ...(consumer.error ? errorLines(consumer.error) : []),
  ];
}
