import { statusText } from '../report/print-status.ts';
import type { AgentView } from './lanes.ts';
import type { Published } from './publish.ts';
import type { World } from './world.ts';

/** How much longer than `startupWait` the service manager is to wait for READY. */
const EXTENSION_USEC = 30_000_000;

/**
 * Tells the service manager READY once: when every sink is up to date, so that a unit ordered after ours finds its
 * files, or when `startupWait` milliseconds are over, so that a boot without a role continues.
 */
export class Readiness {
  readonly #notify: (state: string) => void;
  readonly #timer: NodeJS.Timeout;
  #isReady = false;
  #reloadingSince: number | undefined;

  constructor(notify: (state: string) => void, startupWait: number) {
    this.#notify = notify;
    this.#timer = setTimeout(() => {
      this.#ready();
    }, startupWait).unref();
    notify(`EXTEND_TIMEOUT_USEC=${String(startupWait * 1000 + EXTENSION_USEC)}`);
  }

  see({ view, report, assessment, isUpToDate }: Published): void {
    this.#notify(`STATUS=${statusText(report.level, assessment.summary)}`);
    if (isUpToDate) this.#ready();
    // A pass that began before says nothing of the new configuration.
    if (this.#reloadingSince !== undefined && view.report.startedAt >= this.#reloadingSince) this.#reloaded();
  }

  /** `since`: epoch milliseconds. While we start, the manager would take the end of a reload for that of the start. */
  reloading(since: number): void {
    if (!this.#isReady) return;
    this.#reloadingSince = since;
    this.#notify(`RELOADING=1\nMONOTONIC_USEC=${String(process.hrtime.bigint() / 1000n)}`);
  }

  /** The reload that began then has ended, well or not. */
  reloaded(since: number): void {
    if (this.#reloadingSince === since) this.#reloaded();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#notify('STOPPING=1');
  }

  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    clearTimeout(this.#timer);
    this.#notify('READY=1');
  }

  #reloaded(): void {
    this.#reloadingSince = undefined;
    this.#notify('READY=1');
  }
}

/**
 * How long a pass may take at most: the source has 30 s, and each sink its user's process and two questions to the name
 * services, all with deadlines of their own. Milliseconds.
 */
const LONGEST_PASS_MS = 60_000;
const LONGEST_PASS_PER_SINK_MS = 30_000;

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

  /** `now`: monotonic milliseconds. Without a watching manager there is no timer. */
  constructor(env: World['env'], notify: (state: string) => void, { config }: Pick<View, 'config'>, now = monotonic) {
    this.#now = now;
    this.#due = now() + longestPass(config);
    const interval = watchInterval(env);
    if (interval === undefined) return;
    this.#timer = setInterval(() => {
      if (this.isAlive()) notify('WATCHDOG=1');
    }, interval / 2).unref();
  }

  /** Takes note of a pass; a later notification is none. */
  see({ config, next }: View): void {
    if (next === undefined || next === this.#next) return;
    this.#next = next;
    this.#due = this.#now() + next.waitMs + longestPass(config);
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
  return LONGEST_PASS_MS + LONGEST_PASS_PER_SINK_MS * sinks.length;
}

/** Milliseconds, no more than a timer can hold; undefined if the manager does not watch this process. */
function watchInterval({ WATCHDOG_USEC: interval = '', WATCHDOG_PID: pid }: World['env']): number | undefined {
  if (pid !== undefined && pid !== String(process.pid)) return undefined;
  return /^[1-9]\d*$/.test(interval) ? Math.min(Number(interval) / 1000, 2 ** 31) : undefined;
}
