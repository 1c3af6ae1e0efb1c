import { sourceTime } from '../core/clock-skew.ts';
import type { Config } from '../core/config.ts';
import type { Clock, Fetched, Source } from '../core/contracts.ts';
import { printOf, type Credentials, type Print } from '../core/credentials.ts';
import type { PassReport, PassTrigger, SourceOutcome } from '../core/outcomes.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import type { ApplyRequest, ApplyResult } from '../sinks/contract.ts';
import { accept, type Decision } from './accept.ts';
import { noteAsked, notePending, noteRenewed } from './pending.ts';
import type { AgentState } from './state.ts';
import type { StateStore } from './store.ts';

export interface RotateDeps {
  readonly source: Source;
  readonly clock: Clock;
  readonly store: StateStore;
  /** Of the kernel: which start of which machine this is. */
  readonly bootId: string;
  readonly applySinks: (request: ApplyRequest) => Promise<ApplyResult>;
  /** The credentials that stand, kept in memory alone, so that drift is repaired while the source is away. */
  readonly memory: { credentials?: Credentials };
}

export interface PassRequest {
  readonly trigger: PassTrigger;
  /** Notify every consumer, changed or not. */
  readonly notifyAll: boolean;
  /** Notify these, changed or not. */
  readonly notify?: readonly string[];
  /** Take what the source gives even if it expires earlier: the user id of who said so. */
  readonly acceptedBy?: number;
}

/** A pass as far as the files: its consumers are notified beside it, and reported by whoever notifies them. */
export type FilesReport = Omit<PassReport, 'consumers'>;

/**
 * One pass: source, sinks, pending notifications. They are on disk before the first rename, so that a kill at any
 * moment loses no notification.
 */
export async function rotate(
  deps: RotateDeps,
  config: Config,
  request: PassRequest,
  signal: AbortSignal,
): Promise<FilesReport> {
  const startedAt = deps.clock.now();
  const fetched = await deps.source.fetch(signal);
  const now = deps.clock.now();
  const sourceNow = sourceTime(now, fetched.clockSkew);
  const before = deps.store.state;
  const isAccepted = request.acceptedBy !== undefined;
  const writing = { now, sourceNow, asked: askedIn(deps, fetched), isAccepted };
  let decision = accept(fetched, before, sourceNow, isAccepted);
  let applied = await writeSinks(deps, config, decision, writing);
  if (isBetterGone(deps, decision, applied)) {
    decision = accept(fetched, before, sourceNow, true);
    applied = await writeSinks(deps, config, decision, writing);
  }
  const asked = config.consumers.filter(({ name }) => request.notifyAll || request.notify?.includes(name));
  if (asked.length > 0)
    await deps.store.update((state) =>
      noteAsked(state, { ...config, consumers: asked }, { now, names: request.notify }),
    );

  const { state, trouble } = deps.store;
  return {
    trigger: request.trigger,
    startedAt,
    finishedAt: deps.clock.now(),
    generation: state.generation,
    rotated: decision.kind === 'new',
    ...(decision.kind === 'new' && isAccepted && { acceptedBy: request.acceptedBy }),
    source: sourceOutcome(decision, { fetched, before, after: state }),
    sinks: applied?.outcomes ?? [],
    errors: trouble ? [trouble] : [],
  };
}

interface Seen {
  readonly fetched: Fetched;
  readonly before: AgentState;
  readonly after: AgentState;
}

function sourceOutcome(decision: Decision, { fetched, before, after }: Seen): SourceOutcome {
  const { standing, origin } = after;
  return {
    state: decision.kind === 'keep' ? decision.state : 'ok',
    origin,
    ...(decision.kind === 'new' && decision.moved && { movedFrom: before.origin }),
    ...(fetched.clockSkew !== undefined && { clockSkew: fetched.clockSkew }),
    ...(standing && { keyId: standing.keyId, expiration: standing.expiration }),
    ...(decision.kind === 'keep' && { error: decision.error }),
  };
}

/** What no file and nobody's memory holds is no reason to keep off what the source gives. */
function isBetterGone({ memory }: RotateDeps, decision: Decision, applied: ApplyResult | undefined): boolean {
  if (decision.kind !== 'keep' || decision.error.code !== 'CREDENTIALS_OLDER' || memory.credentials) return false;
  return (applied?.outcomes ?? []).every(({ error }) => error);
}

interface Writing {
  readonly now: number;
  /** By the clock of the source. */
  readonly sourceNow: number;
  readonly asked: Pick<AgentState, 'asked'>;
  readonly isAccepted: boolean;
}

/** Undefined: there have never been any credentials. */
async function writeSinks(
  deps: RotateDeps,
  config: Config,
  decision: Decision,
  { now, sourceNow, asked, isAccepted }: Writing,
): Promise<ApplyResult | undefined> {
  if (decision.kind !== 'keep') deps.memory.credentials = decision.credentials;
  const { credentials } = deps.memory;
  const before = deps.store.state;
  const print: Print | undefined = credentials ? printOf(credentials) : before.standing;
  if (!print) return undefined;
  const enter = entering(decision, before.generation, { config, now, asked, seed: String(deps.clock.random()) });
  const urgent = decision.kind === 'new' && (decision.moved || isAccepted);
  const note = (state: AgentState, changing: readonly string[] = []): AgentState =>
    notePending(enter(state), config, { sinks: [...unremembered(deps, before, config), ...changing], now, urgent });
  const applied = await deps.applySinks({
    sinks: config.sinks,
    trustedGroups: config.trustedGroups,
    print,
    credentials: credentials && credentials.expiration > sourceNow ? credentials : undefined,
    origin: enter(before).origin,
    rotated: decision.kind === 'new',
    records: before.sinks,
    temps: before.temps,
    beforeWrite: (temps, changing) =>
      deps.store.update((state) => ({
        ...note(state, changing),
        // After a kill nobody knows when they changed: without a record their consumers are notified in any case.
        sinks: without(state.sinks, changing),
        temps: [...state.temps, ...temps],
      })),
  });
  const after = { ...note(deps.store.state), temps: [...applied.temps] };
  after.sinks = { ...recordsThatHold(before, applied), ...applied.records };
  const written = writtenBy(after, config, applied);
  if (JSON.stringify({ ...after, written }) !== JSON.stringify(deps.store.state))
    await deps.store.update((state) => ({ ...note(state), sinks: after.sinks, temps: after.temps, written }));
  return applied;
}

/** After a memory that could not be used nobody knows who was notified, whatever the files hold already: everybody is. */
function unremembered({ store }: RotateDeps, before: AgentState, { sinks }: Config): readonly string[] {
  return store.isAnew && !before.standing ? sinks.map(idOf) : [];
}

/** With what the files of these sinks hold now. */
function writtenBy(
  { written = {}, standing }: AgentState,
  { sinks }: Config,
  { outcomes }: ApplyResult,
): NonNullable<AgentState['written']> {
  if (!standing) return written;
  const { keyId, expiration } = standing;
  const good = new Set(outcomes.filter(({ error }) => !error).map(sinkId));
  const now = sinks.filter((sink) => good.has(idOf(sink))).map((sink) => [idOf(sink), { sink, keyId, expiration }]);
  return { ...written, ...(Object.fromEntries(now) as typeof written) };
}

function askedIn({ bootId }: RotateDeps, fetched: Fetched): Writing['asked'] {
  return fetched.ok && fetched.identity ? { asked: { bootId, ...fetched.identity } } : {};
}

/** What a pass would leave behind, were its sinks written. */
export function stateAfter(
  before: AgentState,
  decision: Decision,
  config: Config,
  { changing, now }: { readonly changing: readonly string[]; readonly now: number },
): AgentState {
  const entered = entering(decision, before.generation, { config, now, asked: {}, seed: '' })(before);
  const urgent = decision.kind === 'new' && decision.moved;
  return { ...notePending(entered, config, { sinks: changing, now, urgent }), sinks: without(before.sinks, changing) };
}

interface Entering extends Pick<Writing, 'now' | 'asked'> {
  readonly config: Config;
  /** For the first credentials of this host. */
  readonly seed: string;
}

/** Brings the decision into a state; safe to do twice. */
function entering(
  decision: Decision,
  generation: number,
  { config, now, asked, seed }: Entering,
): (state: AgentState) => AgentState {
  if (decision.kind === 'keep') return (state) => state;
  if (decision.kind === 'same') return (state) => ({ ...state, ...asked, origin: decision.origin });
  const { origin, standing } = decision;
  if (decision.kind === 'renewed') {
    return (state) => noteRenewed({ ...state, ...asked, origin, standing }, config, now);
  }
  return (state) => ({ ...state, seed: state.seed ?? seed, ...asked, origin, standing, generation: generation + 1 });
}

function without(records: AgentState['sinks'], ids: readonly string[]): AgentState['sinks'] {
  return Object.fromEntries(Object.entries(records).filter(([id]) => !ids.includes(id)));
}

/** A file that was not renamed is still what its record says; of one that was, and is not right, nothing is known. */
function recordsThatHold(before: AgentState, { outcomes }: ApplyResult): AgentState['sinks'] {
  const renamed = outcomes.filter((outcome) => outcome.bytesChanged).map(sinkId);
  return without(before.sinks, renamed);
}
