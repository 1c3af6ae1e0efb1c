import type { SinkConfig } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import type { ForgetRequest, ForgetResult, TempFile } from '../sinks/contract.ts';
import { wasDeleted } from '../sinks/place/existing.ts';
import { leftBehind, memoryOf, without, type AgentState } from './state.ts';
import { removeState, type StateStore } from './store.ts';

export interface ForgetDeps {
  readonly store: StateStore;
  readonly forgetSinks: (request: ForgetRequest) => Promise<ForgetResult>;
}

interface Forgetting extends Pick<ForgetRequest, 'trustedGroups' | 'privateVolumes'> {
  /** Former sinks among them. */
  readonly sinks: readonly SinkConfig[];
  readonly force: boolean;
  /** Remove the state as well, if all else succeeded. */
  readonly all: boolean;
}

interface ForgetReport {
  readonly outcomes: readonly SinkOutcome[];
  /** Failures beside those of the sinks. */
  readonly errors: readonly ErrorInfo[];
}

/** Removes the credentials from the sinks, and then the sinks from the state: a sink that failed stays in it. */
export async function forgetWritten({ store, forgetSinks }: ForgetDeps, options: Forgetting): Promise<ForgetReport> {
  const outcomes: SinkOutcome[] = [];
  const { state: before } = store;
  for (const [keyId, sinks] of byKey(before, options.sinks)) {
    const result = await forgetSinks({
      ...{ ...options, sinks, keyId, records: before.sinks },
      temps: store.state.temps,
      beforeWrite: (staged) => store.update((state) => ({ ...state, temps: [...state.temps, ...staged] })),
    });
    outcomes.push(...result.outcomes);
    await store.update((state) => ({ ...state, temps: [...result.temps] }));
  }
  const gone = new Set(outcomes.filter(({ error }) => !error).map(sinkId));
  await letGo(store, gone);
  const errors = [...(store.trouble ? [store.trouble] : []), ...store.state.temps.map(describeTemp)];
  const isClean = gone.size === options.sinks.length && errors.length === 0;
  const trouble = options.all && isClean ? removeState(store.directory) : undefined;
  return { outcomes, errors: trouble ? [trouble] : errors };
}

/** Sinks by the key that was written last into each; undefined where none was. */
export function byKey(
  state: AgentState,
  sinks: readonly SinkConfig[],
): ReadonlyMap<string | undefined, readonly SinkConfig[]> {
  return Map.groupBy(
    sinks,
    (sink) => state.written?.[idOf(sink)]?.keyId ?? memoryOf(state, sink.source).current?.keyId,
  );
}

/** Drops deleted files of former sinks from the state: they hold no credentials any more. */
export async function letGoDeleted(store: StateStore, configured: readonly SinkConfig[]): Promise<void> {
  const { state } = store;
  const deleted = leftBehind(state, configured).filter(({ sink }) => {
    const record = state.sinks[idOf(sink)];
    return record !== undefined && wasDeleted(sink.path, record.renamedAt);
  });
  if (deleted.length > 0) await letGo(store, new Set(deleted.map(({ sink }) => idOf(sink))));
}

/** Drops these sinks from the state; their files stay as they are. */
export async function letGo(store: StateStore, ids: ReadonlySet<string>): Promise<void> {
  await store.update(({ written = {}, ...state }) => ({
    ...state,
    sinks: without(state.sinks, ids),
    written: without(written, ids),
  }));
}

function describeTemp({ path, uid }: TempFile): ErrorInfo {
  const message = `${path}: expected to remove what a killed agent has left there, which did not work`;
  // Root must not follow a user's path.
  const who = uid === undefined ? '' : `, as uid ${uid}`;
  return { code: 'SINK_WRITE_FAILED', message, hint: `remove it by hand${who}: it may hold credentials` };
}
