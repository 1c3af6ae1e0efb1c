import { join } from 'node:path';
import type { Log } from '../core/contracts.ts';
import { toErrorInfo } from '../core/errors.ts';
import { renderMetrics } from '../report/metrics.ts';
import { parseStatus } from '../report/status-schema.ts';
import { buildStatus, type Status } from '../report/status.ts';
import type { Tally } from '../report/tally.ts';
import type { AgentDeps, AgentView } from '../rotation/agent.ts';
import { ownFile, runtimeDirectory, STATUS, type OwnFile, type Owner } from './own.ts';
import type { Services, World } from './world.ts';

export interface PublishOptions {
  readonly mode: Status['agent']['mode'];
  readonly log: Log;
  readonly tally: Tally;
  /** After each pass, before any consumer is notified. */
  readonly onView?: (view: AgentView) => void;
}

/** The text of a status; undefined when there is none. Throws AgentError and errno errors. */
export function readStatusText(world: Owner): string | undefined {
  return runtimeDirectory(world).read(STATUS)?.toString();
}

/** What a former process left, if it left something that can be used. */
export function readFormer(world: Owner): Status | undefined {
  try {
    const text = readStatusText(world);
    return text === undefined ? undefined : parseStatus(text);
  } catch {
    return undefined;
  }
}

/** Writes the status, and the metrics where they are wanted. Trouble with either stops nothing. */
export function publisher(world: World, services: Services, options: PublishOptions): AgentDeps['publish'] {
  const { log, mode, tally, onView } = options;
  const identity = { version: world.version, pid: process.pid, mode };
  const runtime = runtimeDirectory(world);
  const write = async ([directory, name]: OwnFile, text: string): Promise<string | undefined> => {
    try {
      // Not synced: after a power cut the first pass makes it anew.
      await directory.write(services.files, name, { bytes: Buffer.from(text), mode: 0o644, isSynced: false });
      return undefined;
    } catch (error) {
      const got = toErrorInfo(error).message;
      return `${join(directory.path, name)}: not written: ${got}`;
    }
  };
  let said: string | undefined;
  return async (view) => {
    onView?.(view);
    const status = buildStatus(view, tally.with(view), identity, services.clock.now());
    const untold = await write([runtime, STATUS], `${JSON.stringify(status, undefined, 1)}\n`);
    if (untold !== undefined) log.debug(untold, { event: 'status_trouble' });
    const { textfile } = view.config.metrics;
    const trouble = textfile === undefined ? undefined : await write(ownFile(world, textfile), renderMetrics(status));
    if (trouble !== undefined && trouble !== said) log.warn(trouble, { event: 'metrics_trouble' });
    said = trouble;
  };
}
