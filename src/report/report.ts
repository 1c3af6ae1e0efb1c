import { byWeight, levelOf, type Finding, type Level } from '../core/findings.ts';
import { type ExitCode, worstOf } from '../core/exit.ts';
import { type Exits, type StatusFacts, hostOf, type JudgedFinding, judgePass, judgeSince } from './judge.ts';
import type { NextPass, Report, Status } from './schema.ts';
import { firstLeft, lifeLeft, sourcesOf } from './sources.ts';
import { count, duration, firstOf, timestamp } from './text.ts';

export interface Reported extends Omit<Partial<Report>, 'version' | 'command' | 'at' | 'level'> {
  readonly exitCode: ExitCode;
  readonly findings: readonly Finding[];
}

/** The report of a command at `now`, epoch milliseconds. */
export function reportOf(command: string, { exitCode, findings, ...sections }: Reported, now: number): Report {
  const level = levelOf(findings);
  return {
    version: 2,
    command,
    at: timestamp(now),
    level,
    exitCode,
    findings: findings.toSorted(byWeight),
    ...sections,
  };
}

/** A report of an agent's state, with its assessment. */
export type StatusReport = Report & Status & { readonly nextPass: NextPass };

export function reportStatus(
  command: 'run' | 'once' | 'refresh' | 'status',
  facts: StatusFacts,
  now: number,
): { readonly report: StatusReport; readonly assessment: Assessment } {
  const assessment = assess(facts, now);
  const { status, keeper, onDisk } = facts;
  const { findings, exitCodes } = assessment;
  const { configuration, ...rest } = status;
  const head = reportOf(command, { exitCode: exitCodes[command === 'run' ? 'status' : command], findings }, now);
  const report: StatusReport = {
    ...head,
    ...rest,
    // The facts may be those of another report.
    ...head,
    ...(configuration && { configuration: { ...configuration, ...(onDisk && { onDisk }) } }),
    nextPass: keeper,
  };
  return { report, assessment };
}

/**
 * The one assessment of the last pass, of the next one and of the configuration on disk: a level, the findings behind
 * it, and the exit code of each command. Every command and metric goes by it.
 */
export interface Assessment {
  readonly level: Level;
  /**
   * Of the credentials in the files, in milliseconds; negative when the first have expired, undefined when there are
   * none.
   */
  readonly left: number | undefined;
  /** The worst first. */
  readonly findings: readonly Finding[];
  /** In a line: what is wrong, the worst first; when nothing is, what is right. */
  readonly summary: string;
  readonly exitCodes: Readonly<Record<'once' | 'refresh' | 'status', ExitCode>>;
}

/** Assesses the facts at `now`, epoch milliseconds. */
export function assess(facts: StatusFacts, now: number): Assessment {
  const { status } = facts;
  const left = firstLeft(status, now);
  const context = { ...facts, now, host: hostOf(facts) };
  const ofPass = judgePass(context).map((finding) => dated(finding, status));
  const judged = [...ofPass, ...judgeSince(context)].toSorted(byWeight);
  const exitOf = (asker: keyof Exits): ExitCode => worstOf(judged.flatMap(({ exits }) => exits?.[asker] ?? []));
  return {
    level: levelOf(judged),
    left,
    findings: judged.map(({ exits: _exits, ...finding }) => finding),
    summary: judged.length === 0 ? fine(facts, left, now) : summaryOf(judged, now),
    exitCodes: { once: exitOf('once'), refresh: exitOf('refresh'), status: exitOf('status') },
  };
}

/** A finding of a former pass has lasted since then; a new one, since the last pass. */
function dated(finding: JudgedFinding, { findings = [], lastPass }: Status): JudgedFinding {
  const former = findings.find(({ id, subject }) => id === finding.id && subject === finding.subject);
  return { since: former?.since ?? lastPass.at, ...finding };
}

/** The most findings in a line; a thousand sinks on a full disk are one trouble. */
const NAMED = 4;

function summaryOf(findings: readonly Finding[], now: number): string {
  const said = findings.map((finding) => describeFinding(finding, now));
  return firstOf(NAMED, said).join('; ') + (said.length > NAMED ? ': credrotate status' : '');
}

/** `/etc/app.env: not up to date for 12 min (SINK_WRITE_FAILED: expected a complete write, got ENOSPC on write)` */
export function describeFinding({ subject, problem, since, evidence }: Finding, now: number): string {
  const duringWhat = since === undefined ? '' : ` for ${duration(now - Date.parse(since))}`;
  const cause = evidence.length === 0 ? '' : ` (${evidence.join('; ')})`;
  return `${subject}: ${problem}${duringWhat}${cause}`;
}

function fine({ status, keeper }: StatusFacts, left: number | undefined, now: number): string {
  const life = left === undefined ? '' : `, credentials good for ${duration(left)}`;
  const wait = Date.parse(keeper.at ?? '') - now;
  const next = wait >= 0 ? `, next pass in ${duration(wait)}` : '';
  return `${count(status.sinks.length, 'sink')} up to date${life}${next}`;
}

/** Whether every sink is up to date with credentials that live: a unit that is ordered after ours finds its files. */
export function isUpToDate({ status }: Pick<StatusFacts, 'status'>, now: number): boolean {
  return (
    sourcesOf(status).every((source) => (lifeLeft(source, now) ?? 0) > 0) &&
    status.sinks.every(({ result, error }) => !error && result !== 'unknown')
  );
}
