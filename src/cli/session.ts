import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../core/config.ts';
import type { Log } from '../core/contracts.ts';
import { describeForeign } from '../core/errors.ts';
import { tell } from '../notify/tell.ts';
import { buildStatus, type Status } from '../report/status.ts';
import { Agent, type AgentDeps, type AgentView } from '../rotation/agent.ts';
import { StateStore, sweepBeside, writeSynced } from '../rotation/store.ts';
import { applySinks } from '../sinks/apply.ts';
import type { SinkDeps } from '../sinks/compare.ts';
import { renderSink } from '../sinks/formats/render.ts';
import { createImdsSource } from '../source/imds/source.ts';
import type { Services, World } from './world.ts';

/** An agent that holds the lock of its state directory. */
export interface Session {
  readonly agent: Agent;
  readonly close: () => Promise<void>;
}

export interface SessionOptions {
  readonly config: Config;
  readonly log: Log;
  readonly mode: Status['agent']['mode'];
  /** After each pass, before any consumer is told. */
  readonly onView?: (view: AgentView) => void;
}

/**
 * Takes the lock and builds the agent; undefined when another one has the lock. A state directory that cannot be used
 * costs the lock and the memory, not the credentials: it is said loudly, and the sinks are kept fresh.
 */
export async function openSession(world: World, options: SessionOptions): Promise<Session | undefined> {
  const services = await world.services();
  const { log } = options;
  const lock = await takeLock(world, services, log);
  if (lock === 'busy') return undefined;
  const store = await StateStore.open(world.directories.state, services.files, log);
  await sweepBeside(statusPath(world));
  return {
    agent: new Agent(
      {
        ...stages(world, services, log),
        // A one-shot prints its report; saying it twice would help nobody.
        log: options.mode === 'once' ? SILENT : log,
        store,
        publish: publisher(world, services, options),
      },
      options.config,
    ),
    close: async () => {
      await services.http.close();
      lock?.[Symbol.dispose]();
    },
  };
}

const nothing = (): void => undefined;
const SILENT: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing };

type Stages = Omit<AgentDeps, 'log' | 'store' | 'publish'>;

function stages(world: World, services: Services, log: Log): Stages {
  const { clock, http } = services;
  const self = { uid: world.uid, gid: world.gid };
  return {
    clock,
    bootId: services.readBootTime().bootId,
    makeSource: ({ imds }) => createImdsSource({ http, clock, config: imds, env: world.env, log }),
    applySinks: (request) => applySinks(sinkDeps(services), request),
    tell: (request, signal) => tell({ ...services, self }, request, signal),
  };
}

/** What the sinks stage needs. */
export function sinkDeps(services: Services): SinkDeps {
  return { ...services, render: renderSink };
}

/** Undefined where there is no lock to be had, which is said loudly. */
export async function takeLock(world: World, services: Services, log: Log): Promise<Disposable | 'busy' | undefined> {
  const directory = world.directories.state;
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return services.tryLock(join(directory, 'lock')) ?? 'busy';
  } catch (error) {
    log.error(`${directory}: no lock there, so a second agent would not be noticed: ${describeForeign(error)}`, {
      event: 'lock_trouble',
    });
    return undefined;
  }
}

export function statusPath(world: World): string {
  return join(world.directories.runtime, 'status.json');
}

function publisher(world: World, services: Services, { log, mode, onView }: SessionOptions): AgentDeps['publish'] {
  const identity = { version: world.version, pid: process.pid, mode };
  const path = statusPath(world);
  return async (view) => {
    onView?.(view);
    const status = buildStatus(view, identity, services.clock.now());
    const bytes = Buffer.from(`${JSON.stringify(status, undefined, 1)}\n`);
    try {
      await mkdir(world.directories.runtime, { recursive: true, mode: 0o755 });
      await services.files.replace(path, (temp) => writeSynced(temp, bytes, 0o644));
    } catch (error) {
      log.debug(`${path}: not written: ${describeForeign(error)}`, { event: 'status_trouble' });
    }
  };
}
