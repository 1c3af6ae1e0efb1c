import type { Finding, Level } from '../core/findings.ts';
import type { ExitCode } from '../core/exit.ts';
import { assess, type Assessment } from './assess.ts';
import type { Facts } from './assess-contract.ts';
import type { Keeper } from './keeper.ts';
import type { ConsumerStatus, SinkStatus, Status } from './status.ts';

/**
 * What every command reports with `--json`, and what status.json holds: one form, of which each command fills what it
 * knows. Times are RFC 3339, no secrets. Its JSON Schema is made of report-schema.ts.
 */
export interface Report extends Head, Partial<Omit<Status, 'nextPass' | 'sinks' | 'consumers'>> {
  readonly nextPass?: NextPass;
  readonly sinks?: readonly SinkStatus[];
  readonly consumers?: readonly ConsumerStatus[];
  /** What could not be looked at. */
  readonly unseen?: readonly { readonly subject: string; readonly reason: string }[];
  readonly lockdown?: LockdownReport;
}

/** What all reports have. */
export interface Head {
  readonly version: 2;
  readonly command: string;
  readonly at: string;
  readonly level: Level;
  /** That the command ends with. */
  readonly exitCode: ExitCode;
  readonly findings: readonly Finding[];
}

/** Who makes the next pass. */
export interface NextPass extends Pick<Keeper, 'by' | 'life' | 'evidence'> {
  readonly at?: string;
  /** What the agent goes by: `max_interval`. */
  readonly reason?: string;
  readonly since?: string;
}

export interface LockdownReport {
  readonly state: 'on' | 'off' | 'drifted' | 'unknown';
  readonly reason?: string;
  /** Of a trial, in seconds. */
  readonly rollbackInSeconds?: number;
  readonly users?: readonly number[];
  readonly containers?: 'allow' | 'deny';
  /** User ids that were refused in the last day. */
  readonly refused: readonly number[];
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
  const { level, findings, exitCodes } = assessment;
  const { configuration, nextPass, ...rest } = status;
  const exitCode = exitCodes[command === 'run' ? 'status' : command];
  const head: Head = { version: 2, command, at: time(now), level, exitCode, findings };
  const report: StatusReport = {
    ...head,
    ...rest,
    // The facts may be those of another report.
    ...head,
    ...(configuration && { configuration: { ...configuration, ...(onDisk && { onDisk }) } }),
    nextPass: nextPassOf(keeper, nextPass?.reason),
  };
  return { report, assessment };
}

function nextPassOf({ by, life, at, since, evidence }: Keeper, reason: string | undefined): NextPass {
  return {
    by,
    life,
    ...(at !== undefined && { at: time(at) }),
    ...(by === 'agent' && reason !== undefined && { reason }),
    ...(since !== undefined && { since: time(since) }),
    evidence,
  };
}

function time(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
