import { type TestContext } from 'node:test';
import { Agent } from '../../src/agent/agent.ts';
import type { AgentView } from '../../src/agent/lanes.ts';
import type { Config, SinkConfig } from '../../src/core/config.ts';
import type { AtomicFiles, Fetched, Source } from '../../src/core/contracts.ts';
import { StateStore } from '../../src/rotation/store.ts';
import type { NotifyRequest, NotifyResult } from '../../src/notify/contract.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { credentials, HOUR, NOON } from '../support/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ownDirectory } from '../support/own.ts';
import { sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BACKUP, configOf, execConsumer, jsonSink, recordingLog } from '../support/topology.ts';

export const AWAY: Fetched = { ok: false, state: 'unreachable', error: { code: 'IMDS_UNREACHABLE', message: 'away' } };

export function gives(name: string, life = 6 * HOUR): Extract<Fetched, { ok: true }> {
  return { ok: true, credentials: credentials(name, { expiration: NOON + life }), origin: { role: name } };
}

/** What each of two sources answers, with its number of calls. */
interface Answers {
  instance: () => Promise<Fetched> | Fetched;
  backup: () => Promise<Fetched> | Fetched;
  readonly calls: { instance: number; backup: number };
}

export interface Stage {
  readonly agent: Agent;
  readonly answers: Answers;
  /** What a test may change to play another boot. */
  readonly boot: { id: string };
  readonly clock: FakeClock;
  /** What somebody has set the clock by since. */
  readonly clockSet: { by: number };
  readonly config: Config;
  readonly directory: string;
  readonly notified: NotifyRequest[];
  /** What comes of each notification. */
  readonly outcome: { of: (request: NotifyRequest) => NotifyResult };
  readonly once: () => ReturnType<Agent['once']>;
  readonly store: StateStore;
  readonly views: readonly AgentView[];
}

interface StageOptions {
  readonly files?: AtomicFiles;
  readonly sinks?: readonly SinkConfig[];
}

export function stageOf(t: TestContext, directory = tempDir(t), options: StageOptions = {}): Stage {
  const clock = new FakeClock(NOON);
  const clockSet = { by: 0 };
  const boot = { id: 'this' };
  const log = recordingLog();
  const store = StateStore.open(ownDirectory(directory), log);
  const answers: Answers = {
    instance: () => gives('A'),
    backup: () => gives('B', HOUR),
    calls: { instance: 0, backup: 0 },
  };
  const notified: NotifyRequest[] = [];
  const outcome: Stage['outcome'] = { of: () => ({ result: 'notified', detail: 'done' }) };
  const views: AgentView[] = [];
  const {
    files = createAtomicFiles(),
    sinks = [jsonSink(`${directory}/a`, 'web'), { ...jsonSink(`${directory}/b`, 'web', 'job'), source: 'backup' }],
  } = options;
  const config: Config = {
    ...configOf(sinks, [execConsumer('web'), execConsumer('job')]),
    sources: [BACKUP],
  };
  const sourceOf = (name: 'instance' | 'backup'): Source => ({
    ...(name === 'backup' && { isIssuer: true }),
    fetch: async () => {
      answers.calls[name] += 1;
      return await answers[name]();
    },
  });
  const sources = { instance: sourceOf('instance'), backup: sourceOf('backup') };
  const agent = new Agent(
    {
      clock,
      log,
      store,
      readBootTime: () => ({ bootId: boot.id, sinceBoot: clock.now() - clockSet.by }),
      makeSources: () => (name) => (name === 'backup' ? sources.backup : sources.instance),
      applySinks: (request) => applySinks(sinkDeps({ render: renderSink, clock, files }), request),
      notify: (request) => {
        notified.push(request);
        return Promise.resolve(outcome.of(request));
      },
      dryRun: () => Promise.reject(new Error('none')),
      watch: () => Promise.reject(new Error('none')),
      readsShow: () => undefined,
      publish: (view) => {
        views.push(view);
        return Promise.resolve();
      },
    },
    config,
  );
  const once = () => agent.once({ trigger: 'once' }, { waitMs: 0, patienceMs: 0 }, new AbortController().signal);
  return { agent, answers, boot, clock, clockSet, config, directory, notified, once, outcome, store, views };
}
