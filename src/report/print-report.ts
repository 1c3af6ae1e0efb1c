import { describeSkew } from '../core/clock-skew.ts';
import type { ConsumerConfig } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { Finding, FindingId } from '../core/findings.ts';
import { linesOf, printable } from '../core/printable.ts';
import type { Prospect } from '../core/outcomes.ts';
import { named } from '../core/sink-id.ts';
import { describeFinding, type StatusReport } from './report.ts';
import type { ConsumerStatus, Report, SinkStatus, Status } from './schema.ts';
import { lifeLeft, sourcesOf } from './sources.ts';
import { count, duration, firstOf, plain, type Paint } from './text.ts';

/** The end of what hooks printed, by the names of consumers; empty for all but root. */
export type HookOutputs = Readonly<Record<string, string>>;

/** A pass for people: a line for the source, for each sink and each consumer, and what to do about each failure. */
export function printReport(report: StatusReport, outputs: HookOutputs = {}): string {
  const { lastPass } = report;
  return [
    ...sourcesOf(report).flatMap((source) =>
      sourceLines(source, report.at, source.rotated ? `new (rotation ${source.generation})` : 'nothing new'),
    ),
    ...named(report.sinks).flatMap((sink) => sinkLines(sink)),
    ...report.consumers.flatMap((one) => [
      ...consumerLines(one),
      // status shows the output of earlier runs.
      ...(one.hook && one.hook.at >= lastPass.at
        ? linesOf(outputs[one.name]).map((text) => `          | ${text}`)
        : []),
    ]),
    // Nothing has failed yet: a warning.
    ...report.findings
      .filter(({ id }) => BEYOND.has(id))
      // A finding of this pass has no duration yet.
      .map(({ since, ...one }) => (since === undefined || since === lastPass.at ? one : { ...one, since }))
      .flatMap((one) => findingLines(one, report.at, 'warning')),
    '',
  ].join('\n');
}

/** Findings that no line of the pass itself reports. */
const BEYOND: ReadonlySet<FindingId> = new Set<FindingId>([
  'state-unwritable',
  'nobody-refreshes',
  'next-pass-unknown',
  'config-refused',
  'config-not-in-force',
]);

const WORDS = { error: 'failed', unknown: 'unknown', warning: 'warning', note: 'note' } as const;

/** As of `at`, RFC 3339. */
export function findingLines(finding: Finding, at: string, word: string = WORDS[finding.severity]): string[] {
  const { text, line } = finding.remedy;
  return [
    printable(`${word.padEnd(9)} ${describeFinding(finding, Date.parse(at))}`),
    said('hint', line === undefined ? text : `${text}: ${line}`),
  ];
}

/** By the clock of the source, like every expiration. */
function sourceLines(
  source: Status['source'] & { readonly name?: string | undefined },
  at: string,
  news: string,
): string[] {
  const left = lifeLeft(source, Date.parse(at));
  const life =
    left === undefined ? '' : left > 0 ? `, expires in ${duration(left)}` : `, expired ${duration(left)} ago`;
  const role = source.origin.role === undefined ? '' : ` of role ${source.origin.role}`;
  const key = source.keyId === undefined ? 'no credentials' : `key ${source.keyId}${role}${life}`;
  return [
    printable(`source ${source.name === undefined ? '' : `${source.name} `}${source.state}: ${key}; ${news}`),
    ...(source.error ? errorLines(source.error) : []),
    ...warningLines(describeSkew(source.clockSkew, Date.parse(at))),
  ];
}

export function sinkLines(sink: SinkStatus & { readonly name: string }, paint: Paint = plain): string[] {
  const { name, result, detail, diff } = sink;
  const head = diff
    ? `would ${WOULD[result] ?? result} ${name}${detail === undefined ? '' : `: ${detail}`}`
    : `${result.padEnd(9)} ${name}${result === 'repaired' ? ` (${detail ?? ''})` : ''}`;
  return [
    printable(head),
    ...warningLines(...sink.warnings),
    ...(sink.error ? errorLines(sink.error) : []),
    ...(diff ?? []).map((line) => paint(line.startsWith('+') ? 'green' : 'red', `  ${line}`)),
  ];
}

const WOULD: Readonly<Partial<Record<SinkStatus['result'], string>>> = {
  written: 'write',
  repaired: 'write',
  forgotten: 'forget',
  removed: 'remove',
};

function consumerLines(consumer: ConsumerStatus): string[] {
  // A consumer that was never to be notified has no line.
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

/** For people: a line for the source, each sink with its difference and each consumer, and a summary. */
export function printPlan(report: Report, news: readonly string[], paint: Paint): string {
  const { source, sources = source ? [source] : [], sinks = [], consumers = [] } = report;
  return [
    ...sources.flatMap((one, index) => sourceLines(one, report.at, news[index] ?? '')),
    ...named(sinks).flatMap((sink) => sinkLines(sink, paint)),
    ...consumers.flatMap(prospectLines),
    ...(source?.error ? [] : [summary(report)]),
    '',
  ].join('\n');
}

/** The result that notifying a consumer would have, as a part of a report. */
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

const NAMED = 5;

function receivers(processes: Prospect['processes']): string {
  const words = processes.map(({ pid, program }) => `pid ${pid}${program === undefined ? '' : ` (${program})`}`);
  return words.length === 0 ? '' : ` to ${firstOf(NAMED, words).join(', ')}`;
}

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
  expiring: ', when its credentials are about to expire',
  auto: ' (a restart only when due)',
};

function summary({ sinks = [], consumers = [] }: Report): string {
  const changing = sinks.filter(({ diff }) => diff).length;
  if (changing === 0 && consumers.length === 0) return 'nothing would change';
  const due = consumers.filter(({ result, dueAt }) => result === undefined || dueAt !== undefined).length;
  const notified = due === 0 ? 'nobody' : count(due, 'consumer');
  return `would write ${changing} of ${count(sinks.length, 'sink')} and notify ${notified}`;
}
