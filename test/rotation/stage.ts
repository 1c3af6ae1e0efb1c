import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Config } from '../../src/core/config.ts';
import type { Fetched } from '../../src/core/contracts.ts';
import { rotate, type FilesReport, type PassRequest, type RotateDeps } from '../../src/rotation/rotate.ts';
import type { AgentState } from '../../src/rotation/state.ts';
import { readState, StateStore } from '../../src/rotation/store.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { credentials, HOUR, NOON } from '../support/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { limit } from '../support/limits.ts';
import { sinkDeps } from '../support/sinks.ts';
import { ownDirectory } from '../support/own.ts';
import { tempDir } from '../support/temp-dir.ts';
import { configOf, execConsumer, jsonSink, recordingLog } from '../support/topology.ts';

export interface Stage {
  readonly clock: FakeClock;
  config: Config;
  readonly directory: string;
  readonly path: string;
  /** Set by a test: what the source gives. */
  answer: Fetched;
  /** The state on disk when the journal was written and no byte of a secret was. */
  journalled: AgentState | undefined;
  /** Set by a test: what somebody does to the file right after it was renamed. */
  tamper: () => void;
  readonly pass: (request?: Partial<PassRequest>) => Promise<FilesReport>;
  /** As if the consumer had been notified. */
  readonly deliver: () => Promise<void>;
  /** As a new process: nothing is in memory. */
  readonly restart: (bootId?: string) => void;
}

export const AWAY: Fetched = { ok: false, state: 'unreachable', error: { code: 'IMDS_UNREACHABLE', message: 'away' } };
export const gives = (name: string, change = {}): Extract<Fetched, { ok: true }> => ({
  ok: true,
  credentials: credentials(name, change),
  origin: { role: 'web', instanceId: 'i-1' },
});

export function setUp(t: TestContext): Stage {
  const directory = tempDir(t);
  const path = join(directory, 'iam.json');
  const clock = new FakeClock(NOON);
  const config = configOf([jsonSink(path, 'web')], [execConsumer('web')]);
  const openStore = (): StateStore => StateStore.open(ownDirectory(directory), recordingLog());
  const stage = { clock, config, directory, path, answer: gives('A'), tamper: () => undefined } as unknown as Stage;
  const files = createAtomicFiles();
  const tampered: typeof files = {
    replace: async (...args) => {
      await files.replace(...args);
      stage.tamper();
    },
  };
  const deps = (bootId = 'this'): RotateDeps => ({
    name: 'instance',
    source: { fetch: () => Promise.resolve(stage.answer) },
    inTurn: (work) => work(),
    clock,
    store: openStore(),
    applySinks: (request) =>
      applySinks(sinkDeps({ render: renderSink, files: tampered }), {
        ...request,
        beforeWrite: async (temps, changing) => {
          await request.beforeWrite(temps, changing);
          stage.journalled = readState(ownDirectory(directory));
        },
      }),
    readBootTime: () => ({ bootId, sinceBoot: clock.now() }),
    memory: {},
  });
  let current = deps();
  return Object.assign(stage, {
    pass: (request?: Partial<PassRequest>) =>
      rotate(current, stage.config, { trigger: 'once', ...request }, AbortSignal.timeout(limit(10_000))),
    deliver: async () => {
      const life = { expiration: NOON + 6 * HOUR, lifetime: 6 * HOUR };
      const web = { notifiedOf: { instance: { generation: 1, at: NOON, ...life, by: 'notified' as const } } };
      await current.store.update((state) => ({ ...state, consumers: { web } }));
    },
    restart: (bootId?: string) => {
      current = deps(bootId);
    },
  });
}

export function resultsOf({
  sinks,
}: FilesReport): readonly (readonly [string, string | undefined, readonly string[]])[] {
  return sinks.map(({ result, error, drift }) => [result, error?.code, drift] as const);
}
