import { linesOf } from '../core/printable.ts';
import { named } from '../core/sink-id.ts';
import { sourceTime } from '../core/clock-skew.ts';
import { levelOf, type Level } from '../core/findings.ts';
import { describeFinding, type Assessment } from './assess.ts';
import { copied, INDENT, labelled, paragraph, type Look } from './layout.ts';
import type { Style } from './paint.ts';
import type { HookOutputs } from './print-report.ts';
import type { StatusReport } from './report.ts';
import { consumerBlock, urgencyOfConsumer } from './status-consumers.ts';
import { sinkBlock, urgencyOfSink } from './status-sinks.ts';
import { duration, relative } from './text.ts';

const LEVELS: Readonly<Record<Level, Style>> = { ok: 'green', warning: 'yellow', unknown: 'yellow', critical: 'red' };

export interface ShownStatus {
  readonly report: StatusReport;
  readonly assessment: Assessment;
  /** Whose agent it is, where the reader may think of another. */
  readonly whose: string | undefined;
  readonly outputs: HookOutputs;
}

/** One screen for people: what somebody has to do something about, and then all that is known. */
export function printStatus({ report, assessment, whose, outputs }: ShownStatus, look: Look): string {
  const seenAt = Date.parse(report.lastPass.at);
  return [
    ...headLines(report, assessment, look),
    '',
    ...(whose === undefined ? [] : row('agent', whose, look)),
    ...sourceLines(report, assessment, look),
    ...lifeLines(report, assessment, look),
    ...passLines(report, look),
    ...configurationLines(report, look),
    ...section(
      'sinks',
      look,
      worstFirst(named(report.sinks), urgencyOfSink).flatMap((sink) => sinkBlock(sink, seenAt, look)),
    ),
    ...section(
      'consumers',
      look,
      worstFirst(report.consumers, urgencyOfConsumer).flatMap((one) => [
        ...consumerBlock(one, report, look),
        ...linesOf(outputs[one.name]).map((line) => look.paint('dim', `${' '.repeat(INDENT)}| ${line}`)),
      ]),
    ),
    '',
  ].join('\n');
}

/** Each finding with its cause and one step; without any, what is right. */
function headLines({ level, findings }: StatusReport, { summary }: Assessment, look: Look): string[] {
  if (findings.length === 0) return labelled({ text: level.toUpperCase(), style: LEVELS[level] }, summary, look);
  return findings.flatMap((finding) => {
    const own = levelOf([finding]);
    const { text, line } = finding.remedy;
    return [
      ...labelled({ text: own.toUpperCase(), style: LEVELS[own] }, describeFinding(finding, look.now), look),
      ...paragraph(`hint: ${text}`, look),
      ...(line === undefined ? [] : copied(line)),
    ];
  });
}

/** Otherwise in the order of the configuration. */
function worstFirst<T>(some: readonly T[], urgency: (one: T) => number): readonly T[] {
  return some.toSorted((a, b) => urgency(a) - urgency(b));
}

function section(title: string, { paint }: Look, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', paint('bold', title), ...lines];
}

function row(label: string, words: string, look: Look, style: Style = 'dim'): string[] {
  return labelled({ text: label, style }, words, look);
}

function sourceLines({ source }: StatusReport, { state, left }: Assessment, look: Look): string[] {
  const { role, accountId, instanceId, endpoint } = source.origin;
  const where = [
    ...(role === undefined ? [] : [`role ${role}`]),
    ...(accountId === undefined ? [] : [`account ${accountId}`]),
    ...(instanceId === undefined ? [] : [instanceId]),
    ...(endpoint === undefined ? [] : [endpoint]),
  ];
  return [
    ...row('source', [state, ...where].join(', '), look),
    ...(left === undefined ? row('credentials', 'none', look) : []),
  ];
}

function lifeLines(report: StatusReport, { left, level }: Assessment, look: Look): string[] {
  const { keyId = '', expiration = '', fetchedAt, clockSkew } = report.source;
  if (left === undefined) return [];
  // By the source's clock, as the expiration.
  const now = sourceTime(look.now, clockSkew);
  const since = fetchedAt === undefined ? '' : `, fetched ${relative(Date.parse(fetchedAt), now)}`;
  const until = expiration.replace('T', ' ').replace(/:\d\d(?:\.\d+)?Z$/, ' UTC');
  const words = left > 0 ? `${duration(left)} left, until ${until}` : `expired ${duration(left)} ago, at ${until}`;
  const length = Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, look.width - INDENT - GAP.length - words.length));
  const full = Math.ceil(lifeShare(report, left) * length);
  const bar =
    look.paint(left <= 0 ? 'red' : LEVELS[level], '━'.repeat(full)) + look.paint('dim', '─'.repeat(length - full));
  return [
    ...row('credentials', `key ${keyId} of rotation ${report.generation}${since}`, look),
    look.paint('dim', 'life'.padEnd(INDENT)) + bar + GAP + words,
  ];
}

const [SHORTEST_BAR, LONGEST_BAR, GAP] = [8, 24, '  '];

/** What is left of the credentials' life, as it was when they were first seen: 0 to 1. */
function lifeShare({ source }: StatusReport, left: number): number {
  const whole = Date.parse(source.expiration ?? '') - Date.parse(source.fetchedAt ?? '');
  return Math.min(1, Math.max(0, left / (whole > 0 ? whole : Math.abs(left))));
}

function passLines({ lastPass, nextPass, agent }: StatusReport, look: Look): string[] {
  const last = `${relative(Date.parse(lastPass.at), look.now)} (${lastPass.trigger}), by version ${agent.version}, pid ${agent.pid}`;
  return [...row('last pass', last, look), ...row('next pass', describeNext(nextPass, look.now), look)];
}

function describeNext({ by, life, at, reason, evidence }: StatusReport['nextPass'], now: number): string {
  if (life !== 'alive')
    return `${life === 'overdue' ? 'overdue' : life === 'unknown' ? 'unknown' : 'nobody'}: ${evidence}`;
  const when = at === undefined ? 'soon' : relative(Math.max(Date.parse(at), now), now);
  return `${when}, by the ${by === 'period' ? 'next one-shot' : by}${reason === undefined ? '' : ` (${reason.replaceAll('_', ' ')})`}`;
}

function configurationLines({ configuration }: StatusReport, look: Look): string[] {
  if (!configuration) return row('config', 'options of the command line', look);
  const state = { in_force: 'in force', edited: 'changed on disk', refused: 'refused on disk', unknown: 'in force' };
  return row('config', `${configuration.files.join(', ')}: ${state[configuration.onDisk.state]}`, look);
}
