import { sourceTime } from '../core/clock-skew.ts';
import { type Level, levelOf } from '../core/findings.ts';
import { linesOf, printable } from '../core/printable.ts';
import { named } from '../core/sink-id.ts';
import type { HookOutputs } from './print-report.ts';
import { type Assessment, describeFinding, type StatusReport } from './report.ts';
import type { ConsumerStatus, SinkStatus, Status } from './schema.ts';
import { lifeLeft, sourcesOf, stateNow, type NamedSource } from './sources.ts';
import {
  copied,
  duration,
  firstOf,
  INDENT,
  type Label,
  labelled,
  type Screen,
  paragraph,
  relative,
  type Style,
  warningLines,
} from './text.ts';

const LEVELS: Readonly<Record<Level, Style>> = { ok: 'green', warning: 'yellow', unknown: 'yellow', critical: 'red' };

export interface ShownStatus {
  readonly report: StatusReport;
  readonly assessment: Assessment;
  /** The owner of the agent, if the reader may think of another agent. */
  readonly whose: string | undefined;
  readonly outputs: HookOutputs;
}

/** A screen for people: findings first, and then all the rest. */
export function printStatus({ report, assessment, whose, outputs }: ShownStatus, look: Screen): string {
  return [
    ...headLines(report, assessment, look),
    '',
    ...(whose === undefined ? [] : row('agent', whose, look)),
    ...sourcesOf(report).flatMap((source) => [...sourceLines(source, look), ...lifeLines(source, assessment, look)]),
    ...passLines(report, look),
    ...configurationLines(report, look),
    ...section(
      'sinks',
      look,
      worstFirst(named(report.sinks), urgencyOfSink).flatMap((sink) => sinkBlock(sink, look)),
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

/** Each finding with its cause and the next step; without findings, the summary. */
function headLines({ level, findings }: StatusReport, { summary }: Assessment, look: Screen): string[] {
  if (findings.length === 0) return labelled({ text: level.toUpperCase(), style: LEVELS[level] }, summary, look);
  return findings.flatMap((finding) => {
    const word = levelOf([finding]);
    const { text, line } = finding.remedy;
    return [
      ...labelled({ text: word.toUpperCase(), style: LEVELS[word] }, describeFinding(finding, look.now), look),
      ...paragraph(`hint: ${text}`, look),
      ...(line === undefined ? [] : copied(line)),
    ];
  });
}

function worstFirst<T>(some: readonly T[], urgency: (one: T) => number): readonly T[] {
  return some.toSorted((a, b) => urgency(a) - urgency(b));
}

function section(title: string, { paint }: Screen, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', paint('bold', title), ...lines];
}

function row(label: string, words: string, look: Screen, style: Style = 'dim'): string[] {
  return labelled({ text: label, style }, words, look);
}

function sourceLines(source: NamedSource, look: Screen): string[] {
  const { role, accountId, instanceId, endpoint, user } = source.origin;
  const left = lifeLeft(source, look.now);
  const parts = [
    source.name,
    stateNow(source, left),
    role && `role ${role}`,
    accountId && `account ${accountId}`,
    instanceId,
    endpoint,
    user !== undefined && `decided by uid ${user}`,
  ];
  return [
    ...row('source', parts.filter(Boolean).join(', '), look),
    ...(left === undefined ? row('credentials', 'none', look) : []),
  ];
}

function lifeLines(source: NamedSource, { level }: Assessment, look: Screen): string[] {
  const { keyId = '', expiration = '', fetchedAt, clockSkew, generation } = source;
  const left = lifeLeft(source, look.now);
  if (left === undefined) return [];
  // By the source's clock, as the expiration.
  const now = sourceTime(look.now, clockSkew);
  const since = fetchedAt === undefined ? '' : `, fetched ${relative(Date.parse(fetchedAt), now)}`;
  const until = expiration.replace('T', ' ').replace(/:\d\d(?:\.\d+)?Z$/, ' UTC');
  const words = left > 0 ? `${duration(left)} left, until ${until}` : `expired ${duration(left)} ago, at ${until}`;
  const length = Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, look.width - INDENT - GAP.length - words.length));
  const full = Math.ceil(lifeShare(source, left) * length);
  const bar =
    look.paint(left <= 0 ? 'red' : LEVELS[level], '━'.repeat(full)) + look.paint('dim', '─'.repeat(length - full));
  return [
    ...row('credentials', `key ${keyId} of rotation ${generation}${since}`, look),
    look.paint('dim', 'life'.padEnd(INDENT)) + bar + GAP + words,
  ];
}

const [SHORTEST_BAR, LONGEST_BAR, GAP] = [8, 24, '  '];

/** The remaining part of the credentials' life since they were first seen: 0 to 1. */
function lifeShare(source: NamedSource, left: number): number {
  const whole = Date.parse(source.expiration ?? '') - Date.parse(source.fetchedAt ?? '');
  return Math.min(1, Math.max(0, left / (whole > 0 ? whole : Math.abs(left))));
}

function passLines({ lastPass, nextPass, agent }: StatusReport, look: Screen): string[] {
  const last = `${relative(Date.parse(lastPass.at), look.now)} (${lastPass.trigger}), by version ${agent.version}, pid ${agent.pid}`;
  return [...row('last pass', last, look), ...row('next pass', describeNext(nextPass, look.now), look)];
}

function describeNext({ by, life, at, reason, evidence }: StatusReport['nextPass'], now: number): string {
  if (life !== 'alive')
    return `${life === 'overdue' ? 'overdue' : life === 'unknown' ? 'unknown' : 'nobody'}: ${evidence}`;
  const when = at === undefined ? 'soon' : relative(Math.max(Date.parse(at), now), now);
  return `${when}, by the ${by === 'period' ? 'next one-shot' : by}${reason === undefined ? '' : ` (${reason.replaceAll('_', ' ')})`}`;
}

function configurationLines({ configuration }: StatusReport, look: Screen): string[] {
  if (!configuration) return row('config', 'options of the command line', look);
  const state = { in_force: 'in force', edited: 'changed on disk', refused: 'refused on disk', unknown: 'in force' };
  return row('config', `${configuration.files.join(', ')}: ${state[configuration.onDisk.state]}`, look);
}

function urgencyOfSink({ result, error }: SinkStatus): number {
  if (error) return 0;
  return result === 'unknown' ? 1 : 2;
}

/** A sink for people, as the last pass left it. */
function sinkBlock(sink: SinkStatus & { readonly name: string }, look: Screen): string[] {
  const age =
    sink.writtenAt === undefined ? 'not written' : `written ${relative(Date.parse(sink.writtenAt), look.now)}`;
  return [
    ...labelled(sinkLabel(sink), sink.name, look),
    ...paragraph([sink.format, ...of(sink), age, ...reads(sink)].join(', '), look, 'dim'),
    ...warningLines(sink.warnings, look),
  ];
}

/** Where it is not the instance's. */
function of({ source }: { readonly source?: string }): string[] {
  return source === undefined ? [] : [`of ${source}`];
}

function sinkLabel({ result, error }: SinkStatus): Label {
  if (error) return { text: `  ${result}`, style: 'red' };
  return result === 'unknown' ? { text: '  unknown', style: 'yellow' } : { text: '  ok', style: 'green' };
}

function reads({ result, evidence }: SinkStatus): string[] {
  if (!evidence)
    return result === 'written' || result === 'repaired' ? ['read detection starts with the next pass'] : [];
  const writtenAt = Date.parse(evidence.writtenAt);
  if (evidence.readAt !== undefined)
    return [`read ${duration(Date.parse(evidence.readAt) - writtenAt)} after it was written`];
  if (evidence.kind === 'unread') return ['not read since, as of the last pass'];
  const { untraced } = evidence;
  const why = untraced ? `reads of ${untraced.join(', ')} leave no trace` : 'its mount notes no reads';
  return [`whether it was read cannot be known: ${why}`];
}

function urgencyOfConsumer({ result, notReading }: ConsumerStatus): number {
  if (result === 'pending' || result === 'ended') return 0;
  return notReading ? 1 : 2;
}

function consumerBlock(consumer: ConsumerStatus, { generation }: Pick<Status, 'generation'>, look: Screen): string[] {
  return [
    ...labelled(consumerLabel(consumer), `${consumer.name} (${consumer.type})`, look),
    ...paragraph(knowledge(consumer, generation, look.now), look, 'dim'),
    ...formerLines(consumer, look),
  ];
}

function consumerLabel({ result, notReading, known }: ConsumerStatus): Label {
  if (result === 'ended') return { text: '  ended', style: 'red' };
  if (result === 'pending') return { text: '  pending', style: 'yellow' };
  if (notReading) return { text: '  not_reading', style: 'yellow' };
  const word = result ?? known?.by ?? 'never_notified';
  return { text: `  ${word}`, style: word === 'notified' || word === 'started_since' ? 'green' : 'dim' };
}

const KNOWN_BY = {
  notified: 'notified of',
  started_since: 'started after',
  not_running: 'was not running at',
} as const;

function knowledge(
  { known, result, pendingSince, detail, dueAt, generation: pendingOf }: ConsumerStatus,
  generation: number,
  now: number,
): string {
  const since = (time: string): string => duration(now - Date.parse(time));
  const left = known && result === 'scheduled' ? `, valid for ${since(known.expiration)} more` : '';
  const parts = [
    known
      ? `${KNOWN_BY[known.by ?? 'notified']} rotation ${known.generation}${of(known)
          .map((source) => ` ${source}`)
          .join('')}, ${since(known.at)} ago${left}`
      : 'was never notified',
    ...(detail === undefined || result === 'pending' ? [] : [detail]),
    ...(dueAt === undefined ? [] : [`to be notified in ${duration(Date.parse(dueAt) - now)}`]),
    ...(pendingSince === undefined
      ? []
      : [`notification of rotation ${pendingOf ?? generation} pending, for ${since(pendingSince)}`]),
  ];
  return parts.join('; ');
}

const NAMED = 4;

function formerLines({ usingFormer = [] }: ConsumerStatus, look: Screen): string[] {
  if (usingFormer.length === 0) return [];
  const processes = usingFormer.map(
    ({ pid, startedAt }) => `pid ${pid}, running for ${duration(look.now - Date.parse(startedAt))}`,
  );
  return paragraph(`still using former keys: ${firstOf(NAMED, processes).join('; ')}`, look, 'yellow');
}

/** The exit codes of plugins of Nagios, Icinga and the like. */
export const NAGIOS: Readonly<Record<Level, number>> = { ok: 0, warning: 1, critical: 2, unknown: 3 };

/** `OK - 3 sinks up to date`: a line for people. */
export function statusText(level: Level, summary: string): string {
  return `${level.toUpperCase()} - ${printable(summary)}`;
}

/** `CREDROTATE OK - 3 sinks up to date | expiry=18720s`: the line, and a number for graphs. */
export function checkLine(level: Level, summary: string, left?: number): string {
  const performance = left === undefined ? '' : ` | expiry=${String(Math.floor(left / 1000))}s`;
  // Text after the first | would be taken for numbers.
  return `CREDROTATE ${statusText(level, summary).replaceAll('|', '/')}${performance}\n`;
}
