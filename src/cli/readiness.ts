import { statusText } from '../report/check-line.ts';
import type { Published } from './publish.ts';

/** How much longer than until the next look the service manager shall wait for us; microseconds. */
const EXTENSION = 30_000_000;

/**
 * Tells the service manager READY once: when every sink stands, so that a unit ordered after ours finds its files, or
 * when `startupWait` milliseconds are over, so that a boot without a role goes on.
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
    notify(`EXTEND_TIMEOUT_USEC=${String(startupWait * 1000 + EXTENSION)}`);
  }

  /** Takes note of a pass. */
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

  /** The reload that began then has come to its end, whatever that was. */
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
