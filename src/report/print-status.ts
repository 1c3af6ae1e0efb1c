import { describeSkew, sourceTime } from '../core/clock-skew.ts';
import { assess, type Assessment, type Level } from './assess.ts';
import { errorLines, INDENT, labelled, paragraph, warningLines, type Look } from './layout.ts';
import type { Style } from './paint.ts';
import { consumerBlock, urgencyOfConsumer } from './status-consumers.ts';
import { sinkBlock, urgencyOfSink } from './status-sinks.ts';
import type { Status } from './status.ts';
import { duration, relative } from './text.ts';

const LEVELS: Readonly<Record<Level, Style>> = { ok: 'green', warning: 'yellow', critical: 'red' };

/** One screen for people. */
export function printStatus(status: Status, look: Look): string {
  const assessment = assess(status, look.now);
  const { level, findings } = assessment;
  const seenAt = Date.parse(status.lastPass.at);
  return [
    ...labelled({ text: level.toUpperCase(), style: LEVELS[level] }, findings.join('; '), look),
    '',
    ...sourceLines(status, assessment, look),
    ...lifeLines(status, assessment, look),
    ...passLines(status, assessment, look),
    ...section(
      'sinks',
      look,
      worstFirst(status.sinks, urgencyOfSink).flatMap((sink) => sinkBlock(sink, seenAt, look)),
    ),
    ...section(
      'consumers',
      look,
      worstFirst(status.consumers, urgencyOfConsumer).flatMap((one) => consumerBlock(one, status, look)),
    ),
    ...section(
      'trouble',
      look,
      status.errors.flatMap((error) => errorLines(error, look)),
    ),
    '',
  ].join('\n');
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

function sourceLines(status: Status, { state, left }: Assessment, look: Look): string[] {
  const { origin, error, clockSkew } = status.source;
  const { role, accountId, instanceId } = origin;
  const where = [
    ...(role === undefined ? [] : [`role ${role}`]),
    ...(accountId === undefined ? [] : [`account ${accountId}`]),
    ...(instanceId === undefined ? [] : [instanceId]),
  ];
  const skew = describeSkew(clockSkew, Date.parse(status.lastPass.at));
  return [
    ...row('source', [state, ...where].join(', '), look),
    ...(error ? errorLines(error, look) : []),
    ...warningLines(skew === undefined ? [] : [skew], look),
    ...(left === undefined ? row('credentials', 'none', look) : []),
  ];
}

function lifeLines(status: Status, { left, state, isOverdue }: Assessment, look: Look): string[] {
  const { keyId = '', expiration = '', fetchedAt } = status.source;
  if (left === undefined) return [];
  // By the source's clock, as the expiration.
  const now = sourceTime(look.now, status.source.clockSkew);
  const since = fetchedAt === undefined ? '' : `, fetched ${relative(Date.parse(fetchedAt), now)}`;
  const until = expiration.replace('T', ' ').replace(/:\d\d(?:\.\d+)?Z$/, ' UTC');
  const words = left > 0 ? `${duration(left)} left, until ${until}` : `expired ${duration(left)} ago, at ${until}`;
  const length = Math.max(SHORTEST_BAR, Math.min(LONGEST_BAR, look.width - INDENT - GAP.length - words.length));
  const full = Math.ceil(lifeShare(status, left) * length);
  const style = left <= 0 ? 'red' : state === 'ok' && !isOverdue ? 'green' : 'yellow';
  const bar = look.paint(style, '━'.repeat(full)) + look.paint('dim', '─'.repeat(length - full));
  return [
    ...row('credentials', `key ${keyId} of rotation ${status.generation}${since}`, look),
    look.paint('dim', 'life'.padEnd(INDENT)) + bar + GAP + words,
  ];
}

const [SHORTEST_BAR, LONGEST_BAR, GAP] = [8, 24, '  '];

/** What is left of the credentials' life, as it was when they were first seen: 0 to 1. */
function lifeShare({ source }: Status, left: number): number {
  const whole = Date.parse(source.expiration ?? '') - Date.parse(source.fetchedAt ?? '');
  return Math.min(1, Math.max(0, left / (whole > 0 ? whole : Math.abs(left))));
}

const START = 'hint: see why with systemctl status credrotate, and start it with systemctl start credrotate';

function passLines({ lastPass, nextPass, agent }: Status, { isOverdue }: Assessment, look: Look): string[] {
  const last = `${relative(Date.parse(lastPass.at), look.now)} (${lastPass.trigger}), by version ${agent.version}, pid ${agent.pid}`;
  if (!nextPass)
    return [...row('last pass', last, look), ...row('next pass', 'when asked: the last was a one-shot', look)];
  const late = duration(look.now - Date.parse(nextPass.at));
  const at = Math.max(Date.parse(nextPass.at), look.now);
  return [
    ...row('last pass', last, look),
    ...(isOverdue
      ? [...row('next pass', `overdue by ${late}: the agent is not running`, look, 'red'), ...paragraph(START, look)]
      : row('next pass', `${relative(at, look.now)} (${nextPass.reason.replaceAll('_', ' ')})`, look)),
  ];
}
