import { join } from 'node:path';
import { inForceOf, lookOnDisk, type InForce } from '../config/load.ts';
import type { Config } from '../core/config.ts';
import type { Log } from '../core/contracts.ts';
import { toErrorInfo } from '../core/errors.ts';
import { readProcess } from '../notify/proc.ts';
import { buildStatus } from '../report/build-status.ts';
import { judgeKeeper, type Sight } from '../report/keeper.ts';
import { isUpToDate, reportStatus, type Assessment, type StatusReport } from '../report/report.ts';
import type { AgentStatus, OnDisk, Status } from '../report/schema.ts';
import type { Tally } from '../report/tally.ts';
import type { AgentView } from './lanes.ts';
import { hasUnits, lookAtNextPass } from './facts.ts';
import { ownFile, runtimeDirectory, STATUS, type OwnFile } from './published.ts';
import type { Services, World } from './world.ts';

export interface PublishOptions {
  readonly mode: AgentStatus['mode'];
  /** Of a one-shot: after how many seconds another one is started. */
  readonly every?: number;
  readonly log: Log;
  readonly tally: Tally;
  /** After each pass, before any consumer is notified. */
  readonly onPublished?: (published: Published) => void;
}

export interface Published {
  readonly view: AgentView;
  readonly report: StatusReport;
  readonly assessment: Assessment;
  readonly isUpToDate: boolean;
}

/** Publishes the result of each pass: the status, and the metrics if configured. A failed write stops nothing. */
export class Publisher {
  readonly #world: World;
  readonly #services: Services;
  readonly #options: PublishOptions;
  readonly #agent: AgentStatus;
  #latest: AgentView | undefined;
  #sight: Sight = { process: 'alive' };
  #inForce: { readonly config: Config; readonly inForce: InForce | undefined } | undefined;
  readonly #said = new Map<string, string | undefined>();
  #queued: Promise<void> | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(world: World, services: Services, options: PublishOptions) {
    this.#world = world;
    this.#services = services;
    this.#options = options;
    const { mode, every } = options;
    this.#agent = {
      version: world.version,
      pid: process.pid,
      startTime: readProcess(process.pid)?.startedAt ?? 0,
      bootId: services.readBootTime().bootId,
      uid: world.uid,
      mode,
      ...(every !== undefined && { every }),
    };
  }

  /** Those that wait for their turn share it, and the latest is published: a hundred outcomes come in one moment. */
  async publish(view: AgentView): Promise<void> {
    this.#latest = view;
    this.#queued ??= this.#inTurn(async () => {
      this.#queued = undefined;
      await this.#publish(this.#latest ?? view);
    });
    await this.#queued;
  }

  async #publish(view: AgentView): Promise<void> {
    const published = this.describe(view);
    this.#options.onPublished?.(published);
    // An agent that stays makes the next pass itself.
    const isKnown = this.#options.mode === 'run' || this.#sight.timer !== undefined;
    if (!isKnown) this.#sight = await lookAtNextPass(this.#world, this.#agent, this.#world.directories.runtime);
    await this.#write(view, isKnown ? published : this.describe(view));
  }

  /** Publishes once more that the agent ends: a later reader must not take it for killed. */
  async stopped(): Promise<void> {
    const latest = this.#latest;
    if (latest && this.#options.mode === 'run')
      await this.#inTurn(() => this.#write(latest, this.describe(latest, this.#services.clock.now())));
  }

  /** Two writes at once would take each other's temp file for a stranger's. */
  async #inTurn(write: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(write);
    this.#turn = done.catch(() => undefined);
    await done;
  }

  describe(view: AgentView, stoppedAt?: number): Published {
    const now = this.#services.clock.now();
    const { configuration, onDisk } = this.#configuration(view.config);
    const agent =
      stoppedAt === undefined ? this.#agent : { ...this.#agent, stoppedAt: new Date(stoppedAt).toISOString() };
    const status = buildStatus(view, this.#options.tally.with(view), { agent, ...configuration }, now);
    const keeper = judgeKeeper(status, this.#sight, now);
    const facts = { status, keeper, onDisk, hasUnits: hasUnits(this.#services, this.#world.directories.runtime) };
    const mode = this.#options.mode;
    const reported = reportStatus(mode, facts, now);
    this.#options.tally.found(reported.report.findings);
    return { view, ...reported, isUpToDate: isUpToDate(facts, now) };
  }

  #configuration(config: Config): { configuration: Pick<Status, 'configuration'>; onDisk: OnDisk | undefined } {
    if (this.#inForce?.config !== config) this.#inForce = { config, inForce: inForceOf(config) };
    const { inForce } = this.#inForce;
    if (!inForce) return { configuration: {}, onDisk: undefined };
    // A one-shot has just read it.
    const isFresh = this.#options.mode === 'once';
    const onDisk = isFresh ? IN_FORCE : lookOnDisk(inForce, { ...this.#services, uid: this.#world.uid });
    return { configuration: { configuration: { files: config.files, ...inForce, onDisk } }, onDisk };
  }

  async #write(view: AgentView, { report }: Published): Promise<void> {
    const trouble = await this.#replace(
      [runtimeDirectory(this.#world), STATUS],
      `${JSON.stringify(report, undefined, 1)}\n`,
    );
    // The pass of another user has no directory for it.
    if (this.#world.uid === 0) this.#say('status_trouble', trouble);
    const { textfile } = view.config.metrics;
    if (textfile === undefined) return;
    const { renderMetrics } = await import('../report/metrics.ts');
    this.#say('metrics_trouble', await this.#replace(ownFile(this.#world, textfile), renderMetrics(report)));
  }

  /** Logs each trouble once while it lasts. */
  #say(event: string, trouble: string | undefined): void {
    if (trouble !== undefined && trouble !== this.#said.get(event)) this.#options.log.warn(trouble, { event });
    this.#said.set(event, trouble);
  }

  /** Returns the reason for a failure. */
  async #replace([directory, name]: OwnFile, text: string): Promise<string | undefined> {
    try {
      // Not synced: after a power cut the first pass makes it again.
      await directory.write(name, { bytes: Buffer.from(text), mode: 0o644, isSynced: false });
      return undefined;
    } catch (error) {
      return `${join(directory.path, name)}: not written: ${toErrorInfo(error).message}`;
    }
  }
}

const IN_FORCE: OnDisk = { state: 'in_force' };
