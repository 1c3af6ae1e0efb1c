import { describeSkew } from '../core/clock-skew.ts';
import type { ErrorInfo } from '../core/errors.ts';
import { describeDrift, type ConsumerOutcome, type PassReport, type SinkOutcome } from '../core/outcomes.ts';
import { printable } from '../core/printable.ts';
import { duration } from './text.ts';

/** A pass for people: a line for the source, for each sink and each consumer, and what to do about each failure. */
export function printReport(report: PassReport): string {
  return [
    ...sourceLines(report),
    ...report.sinks.flatMap(sinkLines),
    ...report.consumers.flatMap(consumerLines),
    ...report.errors.flatMap(errorLines),
    '',
  ].join('\n');
}

function sourceLines({ source, rotated, generation, finishedAt }: PassReport): string[] {
  const life = source.expiration === undefined ? '' : `, ${left(source.expiration - finishedAt)}`;
  const role = source.origin.role === undefined ? '' : ` of role ${source.origin.role}`;
  const key = source.keyId === undefined ? 'no credentials' : `key ${source.keyId}${role}${life}`;
  const news = rotated ? `new (rotation ${String(generation)})` : 'nothing new';
  return [
    printable(`source ${source.state}: ${key}; ${news}`),
    ...(source.error ? errorLines(source.error) : []),
    ...warningLines(describeSkew(source.clockSkew, finishedAt)),
  ];
}

function left(ms: number): string {
  return ms > 0 ? `expires in ${duration(ms)}` : `expired ${duration(ms)} ago`;
}

export function sinkLines(sink: SinkOutcome): string[] {
  const why = sink.result === 'repaired' ? ` (${describeDrift(sink.drift)})` : '';
  return [
    printable(`${sink.result.padEnd(9)} ${sink.path}${why}`),
    ...warningLines(...sink.warnings),
    ...(sink.error ? errorLines(sink.error) : []),
  ];
}

function consumerLines(consumer: ConsumerOutcome): string[] {
  const detail = consumer.detail === undefined ? '' : `: ${consumer.detail}`;
  return [
    printable(`${consumer.result.padEnd(9)} ${consumer.name}${detail}`),
    ...(consumer.error ? errorLines(consumer.error) : []),
  ];
}

export function warningLines(...warnings: readonly (string | undefined)[]): string[] {
  return warnings.flatMap((warning) => (warning === undefined ? [] : [said('warning', warning)]));
}

export function errorLines(error: ErrorInfo): string[] {
  return [said(error.code, error.message), ...(error.hint === undefined ? [] : [said('hint', error.hint)])];
}

/** Names and paths may be hostile. */
function said(what: string, words: string): string {
  return printable(`          ${what}: ${words}`);
}
