import { describeSkew, sourceTime } from '../core/clock-skew.ts';
import type { ErrorCode } from '../core/errors.ts';
import { exitCodeOfParts, type ExitCode } from '../core/exit.ts';
import type { SourceState } from '../core/outcomes.ts';
import type { Status } from './status.ts';
import { count, duration } from './text.ts';

/** `warning`: all is well for now, and somebody should look; `critical`: a file is not as it should be, or soon will not be. */
export type Level = 'ok' | 'warning' | 'critical';

export interface Assessment {
  readonly level: Level;
  /** The state of the source now: credentials that were good at the last pass may have expired since. */
  readonly state: SourceState;
  /** Of the credentials in the files, in milliseconds; negative when they have expired, undefined when there are none. */
  readonly left: number | undefined;
  readonly isOverdue: boolean;
  /** What is wrong, the worst first; when nothing is, what is right. */
  readonly findings: readonly [string, ...string[]];
}

/** A pass that is later than this has not been made: the agent is not running. */
const LATE = 60_000;

/** What a status comes to at `now`, in one word and a few more. */
export function assess(status: Status, now: number): Assessment {
  const left = lifeLeft(status, now);
  const isOverdue = status.nextPass !== undefined && now > Date.parse(status.nextPass.at) + LATE;
  const state = stateNow(status, left);
  const critical = [...brokenSource(state, left), ...(isOverdue ? [notRunning(left)] : []), ...brokenSinks(status)];
  const warnings = [...failingSource(state, left), ...unheard(status), ...others(status)];
  const level = critical.length > 0 ? 'critical' : warnings.length > 0 ? 'warning' : 'ok';
  const [first = fine(status, left), ...more] = [...critical, ...warnings];
  return { level, state, left, isOverdue, findings: [first, ...more] };
}

/** As a pass would now end that finds all as the last one did; an agent that is not running is as good as unreachable. */
export function exitCodeOfStatus(status: Status, { state, isOverdue }: Assessment): ExitCode {
  const errors: ErrorCode[] = [...status.sinks.flatMap(({ error }) => error ?? []), ...status.errors].map(
    ({ code }) => code,
  );
  const isPending = status.consumers.some(({ result }) => result === 'pending');
  return exitCodeOfParts(state, isOverdue ? [...errors, 'AGENT_ABSENT'] : errors, isPending);
}

function lifeLeft({ source }: Status, now: number): number | undefined {
  if (source.expiration === undefined) return undefined;
  return Date.parse(source.expiration) - sourceTime(now, source.clockSkew);
}

function stateNow({ source: { state } }: Status, left: number | undefined): SourceState {
  return left !== undefined && left <= 0 && (state === 'ok' || state === 'stale') ? 'expired' : state;
}

function brokenSource(state: SourceState, left: number | undefined): string[] {
  if (left === undefined) return [`there are no credentials yet: the source is ${state}`];
  if (left > 0) return [];
  const why = state === 'expired' ? '' : `, and the source is ${state}`;
  return [`the credentials expired ${duration(left)} ago${why}`];
}

function notRunning(left: number | undefined): string {
  return left !== undefined && left > 0
    ? `the agent is not running; credentials good for ${duration(left)}`
    : 'the agent is not running';
}

function brokenSinks({ sinks }: Status): string[] {
  const broken = sinks.filter(({ error }) => error);
  if (broken.length === 0) return [];
  return [
    `${broken.length} of ${count(sinks.length, 'sink')} not as it should be: ${broken.map(({ path }) => path).join(', ')}`,
  ];
}

function failingSource(state: SourceState, left: number | undefined): string[] {
  if (left === undefined || left <= 0 || state === 'ok') return [];
  return [`the source is ${state}; credentials good for ${duration(left)}`];
}

function unheard({ consumers }: Status): string[] {
  const pending = consumers.filter(({ result }) => result === 'pending').map(({ name }) => name);
  const notReading = consumers.filter((consumer) => consumer.notReading).map(({ name }) => name);
  return [
    ...(pending.length > 0 ? [`notification pending: ${pending.join(', ')}`] : []),
    ...(notReading.length > 0 ? [`notified, but nobody has read their files since: ${notReading.join(', ')}`] : []),
  ];
}

function others({ errors, source, lastPass }: Status): string[] {
  const skew = describeSkew(source.clockSkew, Date.parse(lastPass.at));
  return [...errors.map(({ message }) => message), ...(skew === undefined ? [] : ['the clock of this host is wrong'])];
}

function fine({ sinks }: Status, left: number | undefined): string {
  const life = left === undefined ? '' : `, credentials good for ${duration(left)}`;
  return `${count(sinks.length, 'sink')} fresh${life}`;
}
