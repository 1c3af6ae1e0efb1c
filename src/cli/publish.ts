import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
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
import { writeSynced } from '../rotation/store.ts';
import type { Services, World } from './world.ts';

export interface PublishOptions {
  readonly mode: Status['agent']['mode'];
  readonly log: Log;
  readonly tally: Tally;
  /** After each pass, before any consumer is told. */
  readonly onView?: (view: AgentView) => void;
}

export function statusPath({ directories }: Pick<World, 'directories'>): string {
  return join(directories.runtime, 'status.json');
}

/** Far more than a thousand sinks need. */
const MAX_BYTES = 16 * 1024 * 1024;

/** The text of a status; rejects with errno errors. Undefined when it is no file, or too large to be one. */
export async function readStatusText(path: string): Promise<string | undefined> {
  // Without O_NONBLOCK a FIFO would keep us waiting for a writer.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const stat = await file.stat();
  return stat.isFile() && stat.size <= MAX_BYTES ? await file.readFile('utf8') : undefined;
}

/** What a former process left, if it left something that can be used. */
export async function readFormer(path: string): Promise<Status | undefined> {
  const text = await readStatusText(path).catch(() => undefined);
  return text === undefined ? undefined : parseStatus(text);
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
      await mkdir(world.directories.runtime, { recursive: true, mode: 0o755 });
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

/** Why root is to keep off the metrics: somebody else could put something in their place. Rejects with errno errors. */
export async function weaknessOf({ uid }: World, path: string): Promise<Weakness | undefined> {
  return uid === 0 ? await textfileWeakness(path) : undefined;
}

/** Gives the trouble with it. */
async function writeMetrics(
  world: World,
  services: Services,
  path: string,
  status: Status,
): Promise<string | undefined> {
  try {
    const weakness = await weaknessOf(world, path);
    if (weakness) return `${path}: no metrics there: ${describeWeakness(weakness, 'credrotate check').message}`;
    await replace(services, path, renderMetrics(status));
    return undefined;
  } catch (error) {
    return `${path}: no metrics there: ${describeForeign(error)}`;
  }
}

async function replace({ files }: Services, path: string, text: string): Promise<void> {
  await files.replace(path, (temp) => writeSynced(temp, Buffer.from(text), 0o644));
}
