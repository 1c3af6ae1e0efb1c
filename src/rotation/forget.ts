import type { SinkConfig } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import type { ForgetRequest, ForgetResult, TempFile } from '../sinks/contract.ts';
import { removeState, type StateStore } from './store.ts';

export interface ForgetDeps {
  readonly store: StateStore;
  readonly forgetSinks: (request: ForgetRequest) => Promise<ForgetResult>;
}

export interface Forgetting {
  readonly sinks: readonly SinkConfig[];
  readonly trustedGroups: ForgetRequest['trustedGroups'];
  readonly force: boolean;
  /** The state goes as well, if all else went. */
  readonly all: boolean;
}

export interface ForgetReport {
  readonly outcomes: readonly SinkOutcome[];
  /** Trouble beside that of the sinks. */
  readonly errors: readonly ErrorInfo[];
  /** Sinks that were written once, and of which we do not know any more how. */
  readonly strangers: readonly string[];
}

/** Takes what was written out of the sinks, and then out of the state: what could not go is not forgotten. */
export async function forgetWritten({ store, forgetSinks }: ForgetDeps, wish: Forgetting): Promise<ForgetReport> {
  const { standing, temps } = store.state;
  const result = await forgetSinks({
    ...wish,
    keyId: standing?.keyId,
    temps,
    beforeWrite: (staged) => store.update((state) => ({ ...state, temps: [...state.temps, ...staged] })),
  });
  const gone = new Set(result.outcomes.filter(({ error }) => !error).map(sinkId));
  await store.update((state) => ({
    ...state,
    sinks: Object.fromEntries(Object.entries(state.sinks).filter(([id]) => !gone.has(id))),
    temps: [...result.temps],
  }));
  const configured = new Set(wish.sinks.map(idOf));
  const strangers = Object.keys(store.state.sinks).filter((id) => !configured.has(id));
  const errors = [...(store.trouble ? [store.trouble] : []), ...result.temps.map(describeTemp)];
  const isClean = gone.size === wish.sinks.length && errors.length === 0;
  const trouble = wish.all && isClean ? removeState(store.directory) : undefined;
  return { outcomes: result.outcomes, errors: trouble ? [trouble] : errors, strangers: wish.all ? strangers : [] };
}

function describeTemp({ path, uid }: TempFile): ErrorInfo {
  const message = `${path}: expected to remove what a killed agent has left there, which did not work`;
  // Root would be led astray there.
  const who = uid === undefined ? '' : `, as uid ${uid}`;
  return { code: 'SINK_WRITE_FAILED', message, hint: `remove it by hand${who}: it may hold credentials` };
}
