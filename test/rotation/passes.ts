import type { TestContext } from 'node:test';
import type { Config, RefreshConfig } from '../../src/core/config.ts';
import type { Fetched } from '../../src/core/contracts.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import { Agent, type AgentDeps } from '../../src/agent/agent.ts';
import type { AgentView } from '../../src/agent/lanes.ts';
import { StateStore } from '../../src/rotation/store.ts';
import { credentials, NOON } from '../support/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ownDirectory } from '../support/own.ts';
import { tempDir } from '../support/temp-dir.ts';
import { configOf, recordingLog } from '../support/topology.ts';

export function gives(name: string, change: { expiration?: number; role?: string; instanceId?: string } = {}): Fetched {
  const { role = 'web', instanceId = 'i-1', ...rest } = change;
  return { ok: true, credentials: credentials(name, rest), origin: { role, instanceId } };
}

export function fails(state: Extract<Fetched, { ok: false }>['state'], code: ErrorCode): Fetched {
  return { ok: false, state, error: { code, message: `expected credentials, got ${code}`, hint: 'mend it' } };
}

interface Rig {
  readonly agent: Agent;
  readonly clock: FakeClock;
  readonly log: ReturnType<typeof recordingLog>;
  /** The answers that no pass has had yet. */
  readonly left: () => number;
  /** What was made visible, the last one at the end. */
  readonly views: readonly AgentView[];
}

interface RigOptions {
  /** In place of one without sinks and consumers. */
  readonly config?: Config;
  readonly applySinks?: AgentDeps['applySinks'];
  readonly notify?: AgentDeps['notify'];
  readonly refresh?: RefreshConfig;
  /** While a view is made visible, which is between a plan and the sleep until then. */
  readonly onPublish?: (clock: FakeClock) => void;
}

/** An agent whose source gives these answers, and the last one from then on. */
export function makeAgent(t: TestContext, answers: readonly Fetched[], options: RigOptions = {}): Rig {
  const clock = new FakeClock(NOON);
  const log = recordingLog();
  const store = StateStore.open(ownDirectory(tempDir(t)), log);
  const queue = [...answers];
  const views: AgentView[] = [];
  const next = (): Fetched => (queue.length > 0 ? queue.shift() : answers.at(-1)) ?? gives('A');
  const config = options.config ?? configOf([]);
  const agent = new Agent(
    {
      clock,
      log,
      store,
      readBootTime: () => ({ bootId: 'this', sinceBoot: clock.now() }),
      makeSources: () => () => ({ fetch: () => Promise.resolve(next()) }),
      applySinks: options.applySinks ?? (() => Promise.resolve({ outcomes: [], records: {}, temps: [] })),
      notify: options.notify ?? (() => Promise.reject(new Error('there are no consumers'))),
      dryRun: () => Promise.reject(new Error('there are no consumers')),
      watch: () => Promise.reject(new Error('there are no consumers')),
      readsShow: () => false,
      publish: (view) => {
        views.push(view);
        options.onPublish?.(clock);
        return Promise.resolve();
      },
    },
    { ...config, refresh: options.refresh ?? config.refresh },
  );
  return { agent, clock, log, left: () => queue.length, views };
}
