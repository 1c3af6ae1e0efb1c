import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWeakness } from '../config/read-file.ts';
import { textfileWeakness } from '../config/textfile.ts';
import type { Weakness } from '../config/trust.ts';
import type { Log } from '../core/contracts.ts';
import { describeForeign } from '../core/errors.ts';
import { renderMetrics } from '../report/metrics.ts';
import { parseStatus } from '../report/status-schema.ts';
import { buildStatus, type Status } from '../report/status.ts';
import type { Tally } from '../report/tally.ts';
import type { AgentDeps, AgentView } from '../rotation/agent.ts';
import { fill } from '../files/write.ts';
import type { Services, World } from './world.ts';

export interface PublishOptions {
  readonly mode: Status['agent']['mode'];
  readonly log: Log;
  readonly tally: Tally;
  /** After each pass, before any consumer is notified. */
  readonly onView?: (view: AgentView) => void;
}

export function statusPath({ directories }: Pick<World, 'directories'>): string {
  return join(directories.runtime, 'status.json');
}

/** Far more than a thousand sinks need. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The text of a status; throws errno errors. Undefined when it is no file, or too large to be one. */
export function readStatusText(path: string): string | undefined {
  // Without O_NONBLOCK a FIFO would keep us waiting for a writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stat = fstatSync(fd);
    return stat.isFile() && stat.size <= MAX_BYTES ? readFileSync(fd, 'utf8') : undefined;
  } finally {
    closeSync(fd);
  }
}

/** What a former process left, if it left something that can be used. */
export function readFormer(path: string): Status | undefined {
  try {
    const text = readStatusText(path);
    return text === undefined ? undefined : parseStatus(text);
  } catch {
    return undefined;
  }
}

/** Writes the status, and the metrics where they are wanted. Trouble with either stops nothing. */
export function publisher(world: World, services: Services, options: PublishOptions): AgentDeps['publish'] {
  const { log, mode, tally, onView } = options;
  const identity = { version: world.version, pid: process.pid, mode };
  const path = statusPath(world);
  let said: string | undefined;
  return async (view) => {
    onView?.(view);
    const status = buildStatus(view, tally.with(view), identity, services.clock.now());
    try {
      mkdirSync(world.directories.runtime, { recursive: true, mode: 0o755 });
      await replace(services, path, `${JSON.stringify(status, undefined, 1)}\n`);
    } catch (error) {
      log.debug(`${path}: not written: ${describeForeign(error)}`, { event: 'status_trouble' });
    }
    const { textfile } = view.config.metrics;
    const trouble = textfile === undefined ? undefined : await writeMetrics(world, services, textfile, status);
    if (trouble !== undefined && trouble !== said) log.warn(trouble, { event: 'metrics_trouble' });
    said = trouble;
  };
}

/** Why root is to keep off the metrics: somebody else could put something in their place. Throws errno errors. */
export function weaknessOf({ uid }: World, path: string): Weakness | undefined {
  return uid === 0 ? textfileWeakness(path) : undefined;
}

/** Gives the trouble with it. */
async function writeMetrics(
  world: World,
  services: Services,
  path: string,
  status: Status,
): Promise<string | undefined> {
  try {
    const weakness = weaknessOf(world, path);
    if (weakness) return `${path}: no metrics there: ${describeWeakness(weakness, 'credrotate check').message}`;
    await replace(services, path, renderMetrics(status));
    return undefined;
  } catch (error) {
    return `${path}: no metrics there: ${describeForeign(error)}`;
  }
}

/** Not synced: after a power cut the first pass makes it anew. */
async function replace({ files }: Services, path: string, text: string): Promise<void> {
  await files.replace(path, ({ fd }) => fill(fd, { bytes: Buffer.from(text), mode: 0o644, isSynced: false }));
}
