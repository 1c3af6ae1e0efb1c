import type { ErrorInfo } from './errors.ts';

/** Every finding, in the order in which they are shown within their severity. docs/doctor.md has an entry for each. */
export const FINDING_IDS = [
  'credentials-missing',
  'source-failing',
  'token-unusable',
  'helper-refused',
  'helper-asks',
  'file-not-written',
  'hop-limit',
  'imdsd-in-the-way',
  'sink-outdated',
  'sink-refused',
  'sink-mounted',
  'sink-confined',
  'sink-unreachable',
  'nobody-refreshes',
  'consumer-ended',
  'consumer-refused',
  'next-pass-unknown',
  'clock-skew',
  'image-baked',
  'config-refused',
  'config-not-in-force',
  'config-doubtful',
  'config-overridden',
  'units-differ',
  'state-unwritable',
  'file-left',
  'earlier-credentials',
  'consumer-pending',
  'consumer-not-reading',
  'sink-warning',
  'sink-cached',
  'profile-shadowed',
  'default-profile',
  'unit-missing',
  'environment-shadows',
  'environment-file-reload',
  'unit-cannot-reload',
  'unit-stays-down',
  'signal-not-handled',
  'never-rereads',
  'imds-v1',
  'lockdown-drifted',
  'endpoint-open',
] as const;
export type FindingId = (typeof FINDING_IDS)[number];

/**
 * `error`: it does not work, or will stop; `unknown`: nobody can tell from here whether it does; `warning`: it works, and
 * somebody should look; `note`: good to know, nothing is broken.
 */
export const SEVERITIES = ['error', 'unknown', 'warning', 'note'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something that goes wrong, or will. No secrets: key ids by their last characters, of files names and line numbers. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** A path, a source, a consumer, or `metadata service`. */
  readonly subject: string;
  /** The problem; lower case, no period at the end. */
  readonly problem: string;
  /** Since when, as far as it is known; RFC 3339. */
  readonly since?: string;
  readonly evidence: readonly string[];
  readonly remedy: Remedy;
}

export interface Remedy {
  readonly text: string;
  /** A command, or a line of configuration, to be copied. */
  readonly line?: string;
}

export function finding<R extends Omit<Finding, 'id' | 'severity' | 'subject'>>(
  id: FindingId,
  severity: Severity,
  subject: string,
  rest: R,
): Pick<Finding, 'id' | 'severity' | 'subject'> & R {
  return { id, severity, subject, ...rest };
}

/** A finding for an error, with the remedy that it names. */
export function findingOf(
  id: FindingId,
  { subject, problem, severity = 'error' }: Pick<Finding, 'subject' | 'problem'> & Partial<Pick<Finding, 'severity'>>,
  error: ErrorInfo,
): Finding {
  return { id, severity, subject, problem, evidence: [`${error.code}: ${error.message}`], remedy: remedyOf(error) };
}

export function remedyOf({ code, hint }: ErrorInfo): Remedy {
  return hint === undefined ? { text: 'look it up', line: `credrotate explain ${code}` } : { text: hint };
}

export function found<F extends Finding>(...some: readonly (F | undefined)[]): readonly F[] {
  return some.filter((one) => one !== undefined);
}

export function byWeight(a: Finding, b: Finding): number {
  return weight(a) - weight(b);
}

function weight({ severity, id }: Finding): number {
  return SEVERITIES.indexOf(severity) * FINDING_IDS.length + FINDING_IDS.indexOf(id);
}

/** The level of the whole: that of the worst finding. */
export type Level = 'ok' | 'warning' | 'unknown' | 'critical';

const LEVELS = { error: 'critical', unknown: 'unknown', warning: 'warning', note: 'ok' } as const;

export function levelOf(findings: readonly Finding[]): Level {
  const worst = SEVERITIES.find((severity) => findings.some((found) => found.severity === severity));
  return worst === undefined ? 'ok' : LEVELS[worst];
}
