import type { Config } from '../../core/config.ts';
import type { NotifyDeps } from '../../notify/contract.ts';
import type { Unseen } from '../../doctor/contract.ts';
import type { SinkDeps } from '../../sinks/place.ts';

/** What the doctor looks with. It changes nothing, and signals nobody. */
export interface LookDeps {
  readonly sinks: SinkDeps;
  readonly notify: NotifyDeps;
  readonly config: Config;
  readonly signal: AbortSignal;
  /** Takes note of what could not be looked at. */
  readonly miss: (unseen: Unseen) => void;
}
