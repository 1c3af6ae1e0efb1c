import type { AgentView } from '../rotation/agent.ts';

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

  constructor(notify: (state: string) => void, startupWait: number) {
    this.#notify = notify;
    this.#timer = setTimeout(() => {
      this.#ready();
    }, startupWait).unref();
    notify(`EXTEND_TIMEOUT_USEC=${String(startupWait * 1000 + EXTENSION)}`);
  }

  /** Takes note of a pass. */
  see(view: Pick<AgentView, 'config' | 'report'>): void {
    const missing = missingFrom(view);
    this.#notify(`STATUS=${missing ?? `sinks that stand: ${String(view.config.sinks.length)}`}`);
    if (missing === undefined) this.#ready();
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
}

function missingFrom({ config, report }: Pick<AgentView, 'config' | 'report'>): string | undefined {
  const { source, sinks } = report;
  if (source.state !== 'ok' && source.state !== 'stale') return `source is ${source.state}`;
  const standing = new Set(sinks.filter((sink) => sink.error === undefined).map((sink) => sink.path));
  const missing = config.sinks.filter((sink) => !standing.has(sink.path)).length;
  return missing === 0 ? undefined : `${String(missing)} of ${String(config.sinks.length)} sinks do not stand`;
}
