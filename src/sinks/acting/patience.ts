import { AgentError } from '../../core/errors.ts';

/** Milliseconds that a user's process may let us wait, all in all. */
export interface ActingLimits {
  readonly deadline: number;
  /** On top, for each sink. */
  readonly perSink: number;
  /** How long all others wait for it, so that their sinks and its own change together. */
  readonly together: number;
  /** How long a look takes at most, for which all others wait too. */
  readonly looking: number;
}

export const ACTING_LIMITS: ActingLimits = { deadline: 10_000, perSink: 20, together: 1_000, looking: 2_000 };

/** Only time spent waiting is charged to the child. */
export class Patience {
  readonly #uid: number;
  readonly #all: number;
  #left: number;

  constructor(uid: number, milliseconds: number) {
    this.#uid = uid;
    this.#all = milliseconds;
    this.#left = milliseconds;
  }

  /** Rejects with SINK_TIMEOUT when there is none left. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    const since = performance.now();
    const timeout = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      timeout.reject(this.exhausted(`none in ${this.#all / 1000} s`));
    }, this.#left);
    try {
      return await Promise.race([promise, timeout.promise]);
    } finally {
      clearTimeout(timer);
      this.#left = Math.max(0, this.#left - (performance.now() - since));
    }
  }

  exhausted(got: string): AgentError {
    const message = `expected an answer of the process for uid ${this.#uid}, got ${got}`;
    const hint =
      'see whether that file system answers (a network home may hang), and whether somebody stopped the process';
    return new AgentError('SINK_TIMEOUT', message, { hint });
  }
}
