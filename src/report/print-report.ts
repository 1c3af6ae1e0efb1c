import { named } from '../core/sink-id.ts';
import { describeSkew } from '../core/clock-skew.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { Finding, FindingId } from '../core/findings.ts';
import { describeDrift } from '../core/outcomes.ts';
import { printable } from '../core/printable.ts';
import { describeFinding, type Assessment } from './assess.ts';
import type { StatusReport } from './report.ts';
import type { ConsumerStatus, SinkStatus } from './status.ts';
import { duration } from './text.ts';

/** A pass for people: a line for the source, for each sink and each consumer, and what to do about each failure. */
export function printReport(report: StatusReport, assessment: Pick<Assessment, 'left'>): string {
  return [
    ...sourceLines(report, assessment),
    ...named(report.sinks).flatMap(sinkLines),
    ...report.consumers.flatMap(consumerLines),
    ...report.errors.flatMap(errorLines),
    ...report.findings.filter(({ id }) => BEYOND.has(id)).flatMap((finding) => findingLines(finding, report)),
    '',
  ].join('\n');
}

/** What no line of the pass itself says. */
const BEYOND: ReadonlySet<FindingId> = new Set<FindingId>([
  'nobody-refreshes',
  'next-pass-unknown',
  'config-refused',
  'config-not-in-force',
]);

/** Nothing has failed: a warning, whatever it comes to later. */
function findingLines(finding: Finding, { at }: StatusReport): string[] {
  const { text, line } = finding.remedy;
  return [
    printable(`warning   ${describeFinding(finding, Date.parse(at))}`),
    said('hint', line === undefined ? text : `${text}: ${line}`),
  ];
}

/** By the clock of the source, as all that speaks of an expiration. */
function sourceLines(report: StatusReport, { left }: Pick<Assessment, 'left'>): string[] {
  const { source, lastPass, generation } = report;
  const life =
    left === undefined ? '' : left > 0 ? `, expires in ${duration(left)}` : `, expired ${duration(left)} ago`;
  const role = source.origin.role === undefined ? '' : ` of role ${source.origin.role}`;
  const key = source.keyId === undefined ? 'no credentials' : `key ${source.keyId}${role}${life}`;
  const news = lastPass.rotated ? `new (rotation ${String(generation)})` : 'nothing new';
  return [
    printable(`source ${source.state}: ${key}; ${news}`),
    ...(source.error ? errorLines(source.error) : []),
    ...warningLines(describeSkew(source.clockSkew, Date.parse(lastPass.at))),
  ];
}

type Said = Pick<SinkStatus, 'result' | 'drift' | 'warnings' | 'error'> & { readonly name: string };

export function sinkLines(sink: Said): string[] {
  const why = sink.result === 'repaired' ? ` (${describeDrift(sink.drift)})` : '';
  return [
    printable(`${sink.result.padEnd(9)} ${sink.name}${why}`),
    ...warningLines(...sink.warnings),
    ...(sink.error ? errorLines(sink.error) : []),
  ];
}

function consumerLines(consumer: ConsumerStatus): string[] {
  // One that never had anything to be notified of has no line.
  if (consumer.result === undefined) return [];
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
