import type { Config } from '../core/config.ts';
import type { Http, Log } from '../core/contracts.ts';
import type { Credentials } from '../core/credentials.ts';
import { toErrorInfo } from '../core/errors.ts';
import type { Secret } from '../core/secret.ts';
import type { NotifyDeps } from '../notify/contract.ts';
import { readsShow } from '../paths/mounts.ts';
import { Tally } from '../report/tally.ts';
import { knownIdentity } from '../rotation/state.ts';
import { StateStore } from '../rotation/store.ts';
import { applySinks } from '../sinks/apply.ts';
import { forgetSink, loadFormats, renderSink } from '../sinks/formats/render.ts';
import type { SinkDeps } from '../sinks/contract.ts';
import { createSources } from '../source/registry.ts';
import { Agent, type AgentDeps } from './agent.ts';
import { Publisher, type PublishOptions } from './publish.ts';
import { readFormer, stateDirectory, sweepPublished } from './published.ts';
import { sourceDeps, type Services, type World } from './world.ts';

/** An agent that holds the lock of its state directory. */
export interface Session {
  readonly agent: Agent;
  readonly publisher: Publisher;
  readonly close: () => Promise<void>;
}

export interface SessionOptions extends Omit<PublishOptions, 'tally'> {
  readonly config: Config;
}

/**
 * Takes the lock and builds the agent; undefined when another one has the lock. A state directory that cannot be used
 * costs the lock and the memory, not the credentials: an error is logged, and the sinks are kept up to date.
 */
export async function openSession(world: World, options: SessionOptions): Promise<Session | undefined> {
  const services = await world.services();
  const { log } = options;
  const lock = takeLock(world, services, log);
  if (lock === 'busy') return undefined;
  const store = StateStore.open(stateDirectory(world), log);
  const tally = new Tally(readFormer(world));
  sweepPublished(world, options.config);
  const publisher = new Publisher(world, services, { ...options, tally });
  return {
    publisher,
    agent: new Agent(
      {
        ...stages(world, services, { log, tally, store }),
        // A one-shot prints its report, which says the same.
        log: options.mode === 'once' ? SILENT : log,
        store,
        publish: (view) => publisher.publish(view),
      },
      options.config,
    ),
    close: async () => {
      await publisher.stopped();
      await services.http.close();
      lock?.[Symbol.dispose]();
    },
  };
}

const nothing = (): void => undefined;
const SILENT: Log = { error: nothing, warn: nothing, info: nothing, debug: nothing };

type Stages = Omit<AgentDeps, 'log' | 'store' | 'publish'>;

interface StageParts {
  readonly log: Log;
  readonly tally: Tally;
  readonly store: StateStore;
}

function stages(world: World, services: Services, { log, tally, store }: StageParts): Stages {
  const { clock, readBootTime } = services;
  const http = counted(services.http, tally);
  const self = { uid: world.uid, gid: world.gid };
  const secrets = new Map<string, readonly Secret[]>();
  return {
    clock,
    readBootTime,
    makeSources: (config) => {
      const identity = knownIdentity(store.state, readBootTime().bootId);
      return createSources(config, { ...sourceDeps(world, services, log), http, identity });
    },
    applySinks: async (request) => {
      const source = request.sinks[0]?.source ?? '';
      if (request.credentials) secrets.set(source, withSecrets(secrets.get(source) ?? [], request.credentials));
      const applied = await applySinks(sinkDeps(services), request);
      tally.sinks(applied.outcomes);
      return applied;
    },
    ...notifying({ ...services, self, secrets: () => [...secrets.values()].flat() }, tally),
    readsShow,
  };
}

/** The secrets of these credentials and of the former ones: a hook may print either. */
function withSecrets(before: readonly Secret[], { secretAccessKey, sessionToken }: Credentials): readonly Secret[] {
  const isNew = before[0]?.reveal() !== secretAccessKey.reveal();
  return isNew ? [secretAccessKey, sessionToken, ...before.slice(0, 2)] : before;
}

/** Counts each attempt when its result is known. Loaded only if there is a consumer to notify. */
function notifying(deps: NotifyDeps, tally: Tally): Pick<Stages, 'notify' | 'dryRun' | 'watch'> {
  return {
    notify: async (request, signal) => {
      const { notify } = await import('../notify/notify.ts');
      const result = await notify(deps, request, signal);
      if (result.result !== 'sent') tally.notified(request.consumer.name, result.result);
      return result;
    },
    dryRun: async (request, signal) => {
      const { dryRun } = await import('../notify/notify.ts');
      return await dryRun(deps, request, signal);
    },
    watch: async (consumer, sent, signal) => {
      const { watch } = await import('../notify/watch.ts');
      const result = await watch(deps, consumer, sent, signal);
      tally.notified(consumer.name, result.result);
      return result;
    },
  };
}

function counted(http: Http, tally: Tally): Http {
  return {
    request: async (request) => {
      let result = 'failed';
      try {
        const response = await http.request(request);
        result = String(response.status);
        return response;
      } finally {
        tally.request(result);
      }
    },
    close: () => http.close(),
  };
}

export function sinkDeps(services: Services): SinkDeps {
  return { ...services, render: renderSink, forget: forgetSink, loadFormats };
}

/** Undefined where no lock is possible; an error is logged. */
export function takeLock(world: World, services: Services, log: Log): Disposable | 'busy' | undefined {
  try {
    using directory = stateDirectory(world).open();
    return services.tryLock(directory, 'lock') ?? 'busy';
  } catch (error) {
    const { message, hint } = toErrorInfo(error);
    const text = `${world.directories.state}: no lock there, so a second agent would not be noticed: ${message}`;
    log.error(hint === undefined ? text : `${text}; ${hint}`, { event: 'lock_trouble' });
    return undefined;
  }
}
