import { describeSkew } from '../core/clock-skew.ts';
import type { Fetched, LogFields } from '../core/contracts.ts';
import { formatExpiration, type Origin } from '../core/credentials.ts';
import type { ErrorCode, ErrorInfo } from '../core/errors.ts';
import type { SourceOutcome, SourceState } from '../core/outcomes.ts';
import type { AgentState } from './state.ts';

/**
 * The states of the source as one machine, pure: which one an answer leads to beside the credentials that stand, and
 * which changes are worth a line in the log.
 */

type Failed = Extract<Fetched, { ok: false }>;

/**
 * `stale` and `expired` cover what passes by itself; a role that was taken away, a refusal and a switch are named even
 * while old credentials live on, since somebody must act.
 */
const BESIDE: Readonly<Record<Failed['state'], Readonly<Record<'valid' | 'ended', SourceState>>>> = {
  unreachable: { valid: 'stale', ended: 'expired' },
  malformed: { valid: 'stale', ended: 'expired' },
  expired: { valid: 'stale', ended: 'expired' },
  no_role: { valid: 'no_role', ended: 'no_role' },
  denied: { valid: 'denied', ended: 'denied' },
  disabled: { valid: 'disabled', ended: 'disabled' },
};

/** The state of a source that gave nothing, judged at `now` by its clock, and the error that says why and what to do. */
export function stateOfFailure(
  { state, error }: Failed,
  { current, origin }: AgentState,
  now: number,
): { readonly state: SourceState; readonly error: ErrorInfo } {
  if (!current) return { state, error };
  const life = current.expiration > now ? 'valid' : 'ended';
  const after = BESIDE[state][life];
  if (after === 'stale' || after === 'expired') return { state: after, error };
  const until = `${life === 'valid' ? 'good until' : 'expired at'} ${formatExpiration(current.expiration)}`;
  const kept = `the files keep the credentials of role ${origin.role ?? '(unknown)'}, ${until}`;
  const told = { ...error, message: `${error.message}; ${kept}` };
  if (after !== 'no_role' || origin.role === undefined) return { state: after, error: told };
  const hint = `it had role ${origin.role} before: if that is not being replaced, see its instance profile; ${error.hint ?? ''}`;
  return { state: after, error: { ...told, hint } };
}

/** Waiting longer for credentials would change nothing. */
export function isAnswer(state: SourceState): boolean {
  return state === 'ok' || state === 'disabled';
}

/** What has been said of the source so far. */
export interface Said {
  /** While there is trouble: its state, and the codes that have been named since it began. */
  readonly trouble?: { readonly state: SourceState; readonly codes: readonly ErrorCode[] };
  readonly isClockWrong: boolean;
}

export const NOTHING_SAID: Said = { isClockWrong: false };

export interface Line {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** The lines that a pass that ended at `now` is worth after what was said: a change gets one, a retry none. */
export function observe(before: Said, source: SourceOutcome, now: number): { said: Said; lines: readonly Line[] } {
  const trouble = troubleAfter(before.trouble, source);
  const warning = describeSkew(source.clockSkew, now);
  // A failure that tells no time says nothing about our clock.
  const isClockWrong = source.clockSkew === undefined ? before.isClockWrong : warning !== undefined;
  return {
    said: { ...(trouble && { trouble }), isClockWrong },
    lines: [
      ...describeMove(source),
      ...(trouble === before.trouble ? [] : describeTrouble(source)),
      ...(isClockWrong === before.isClockWrong ? [] : describeClock(warning)),
    ],
  };
}

function troubleAfter(before: Said['trouble'], { state, error }: SourceOutcome): Said['trouble'] {
  if (!error) return undefined;
  const codes = before?.state === state ? before.codes : [];
  return codes.includes(error.code) ? before : { state, codes: [...codes, error.code] };
}

function describeTrouble({ state, error, keyId }: SourceOutcome): readonly Line[] {
  if (!error) return [{ level: 'info', message: 'source is ok again', fields: { event: 'source_recovered' } }];
  // A role that has not come yet is what an instance without one starts with.
  const isAwaited = state === 'no_role' && keyId === undefined;
  const level = state === 'ok' || state === 'stale' || isAwaited ? 'warn' : 'error';
  const message = `source is ${state}: ${error.message}${hinted(error.hint)}`;
  return [{ level, message, fields: { event: 'source_state', state, code: error.code } }];
}

function describeClock(warning: string | undefined): readonly Line[] {
  return warning === undefined
    ? [{ level: 'info', message: 'the clock of this host is right again', fields: { event: 'clock_recovered' } }]
    : [{ level: 'warn', message: warning, fields: { event: 'clock_skew' } }];
}

const LABELS = {
  endpoint: 'endpoint',
  instanceId: 'instance',
  role: 'role',
  accountId: 'account',
} as const satisfies Record<keyof Origin, string>;

function describeMove({ movedFrom, origin }: SourceOutcome): readonly Line[] {
  if (!movedFrom) return [];
  const changes = (['endpoint', 'instanceId', 'role', 'accountId'] as const)
    .filter((key) => movedFrom[key] !== undefined && origin[key] !== undefined && movedFrom[key] !== origin[key])
    .map((key) => `${LABELS[key]} ${movedFrom[key] ?? ''} became ${origin[key] ?? ''}`);
  const hint =
    'every consumer is notified; if nobody meant it, CloudTrail shows who associated another instance profile';
  return [{ level: 'warn', message: changes.join(', ') + hinted(hint), fields: { event: 'source_moved' } }];
}

function hinted(hint: string | undefined): string {
  return hint === undefined ? '' : ` (${hint})`;
}
