import { byWeight, levelOf, type Finding } from '../core/findings.ts';
import type { ExitCode } from '../core/exit.ts';
import { assess, type Assessment } from './assess.ts';
import type { Facts } from './judge.ts';
import type { NextPass, Report, Status } from './schema.ts';
import { timestamp } from './text.ts';

interface Reported extends Omit<Partial<Report>, 'version' | 'command' | 'at' | 'level'> {
  readonly exitCode: ExitCode;
  readonly findings: readonly Finding[];
}

/** What a command has found or done at `now`, epoch milliseconds. */
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

/** A report of an agent's state, with what it comes to. */
export type StatusReport = Report & Status & { readonly nextPass: NextPass };

export function reportStatus(
  command: 'run' | 'once' | 'refresh' | 'status',
  facts: Facts,
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
