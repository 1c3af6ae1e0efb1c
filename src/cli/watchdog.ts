import type { AgentView } from '../rotation/agent.ts';
import type { World } from './world.ts';

/**
 * How long a pass may take at most: the source has 30 s, and each sink its user's process and two questions to the name
 * services, all with deadlines of their own. Milliseconds.
 */
const PASS = 60_000;
const PASS_PER_SINK = 30_000;

type View = Pick<AgentView, 'config' | 'next'>;

/**
 * Tells the service manager that we are alive (sd_watchdog_enabled(3)) while it is true: as long as each pass comes to
 * its end in time. A stopped process or a blocked event loop does not get here at all.
 */
export class Watchdog {
  /** Milliseconds since boot: by then another pass must have come to its end. */
  #due: number;
  #next: View['next'];
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout | undefined;

  /** `now`: monotonic milliseconds. Where nobody watches there is no timer. */
  constructor(env: World['env'], notify: (state: string) => void, { config }: Pick<View, 'config'>, now = monotonic) {
    this.#now = now;
    this.#due = now() + longestPass(config);
    const interval = watchInterval(env);
    if (interval === undefined) return;
    this.#timer = setInterval(() => {
      if (this.isAlive()) notify('WATCHDOG=1');
    }, interval / 2).unref();
  }

  /** Takes note of a pass; what comes of its consumers later is none. */
  see({ config, next }: View): void {
    if (next === undefined || next === this.#next) return;
    this.#next = next;
    this.#due = this.#now() + next.wait + longestPass(config);
  }

  isAlive(): boolean {
    return this.#now() <= this.#due;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function monotonic(): number {
  return performance.now();
}

function longestPass({ sinks }: View['config']): number {
  return PASS + PASS_PER_SINK * sinks.length;
}

/** Milliseconds, no more than a timer can hold; undefined when it is not we who are watched. */
function watchInterval({ WATCHDOG_USEC: interval = '', WATCHDOG_PID: pid }: World['env']): number | undefined {
  if (pid !== undefined && pid !== String(process.pid)) return undefined;
  return /^[1-9]\d*$/.test(interval) ? Math.min(Number(interval) / 1000, 2 ** 31) : undefined;
}
