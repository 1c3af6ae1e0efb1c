import type { Users } from '../core/contracts.ts';
import type { HostDeps } from '../host/tool.ts';

export interface LockdownDeps extends HostDeps {
  readonly users: Users;
}

/** Who reaches the metadata service. */
export interface Rules {
  /** Ids, root's among them, in rising order. */
  readonly users: readonly number[];
  readonly containers: 'allow' | 'deny';
}

/** What stands of our rules, as far as it can be seen. */
export interface LockdownState {
  /** `drifted`: the rules are not those of the configuration, or were taken away by somebody else. */
  readonly state: 'on' | 'off' | 'drifted' | 'unknown';
  /** For people; always there for `drifted` and `unknown`. For `on` it says which users are left out. */
  readonly reason?: string;
  /** The rules that are loaded. */
  readonly rules?: Rules;
  /** Milliseconds until the kernel ends a trial, which leaves the service open to all. */
  readonly rollbackIn?: number;
  /** Ids of users who were refused in the last day. */
  readonly refused: readonly number[];
}
