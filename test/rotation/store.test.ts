import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { OwnDirectory } from '../../src/files/own.ts';
import { EMPTY_STATE, memoryOf, type AgentState } from '../../src/rotation/state.ts';
import { StateStore } from '../../src/rotation/store.ts';
import { NOON } from '../support/credentials.ts';
import { ownDirectory } from '../support/own.ts';
import { stateWith } from '../support/state.ts';
import { tempDir } from '../support/temp-dir.ts';
import { recordingLog } from '../support/topology.ts';

describe('state on disk', () => {
  test('is there, whole and private, when an update has resolved', async (t) => {
    const directory = join(tempDir(t), 'made', 'here');
    const store = StateStore.open(ownDirectory(directory), recordingLog());
    await store.update((state) => stateWith({ generation: 3 }, state));
    const path = join(directory, 'state.json');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const again = StateStore.open(ownDirectory(directory), recordingLog());
    assert.deepEqual(again.state, stateWith({ generation: 3 }));
  });

  test('has no backoff after a restart: whoever restarts us may have mended something', async (t) => {
    const directory = tempDir(t);
    const reason = 'first' as const;
    const pending = { generations: { instance: 1 }, since: NOON, reason, urgent: false, sinks: [], attempts: 5 };
    const store = StateStore.open(ownDirectory(directory), recordingLog());
    await store.update((state) => ({
      ...state,
      consumers: { web: { pending: { ...pending, nextAttempt: NOON + 1 } } },
    }));
    const { state } = StateStore.open(ownDirectory(directory), recordingLog());
    assert.deepEqual(state.consumers, { web: { pending: { ...pending, nextAttempt: 0 } } });
  });

  test('updates at once are shared writes, none lost, and none resolves before its own change is written', async (t) => {
    const directory = tempDir(t);
    let writes = 0;
    class Counted extends OwnDirectory {
      override async write(...args: Parameters<OwnDirectory['write']>): Promise<void> {
        writes += 1;
        await super.write(...args);
      }
    }
    const store = StateStore.open(
      new Counted(directory, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }),
      recordingLog(),
    );
    const onDisk = (): number => {
      const state: unknown = JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8'));
      return memoryOf(state as AgentState, 'instance').generation;
    };
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await store.update((state) => stateWith({ generation: memoryOf(state, 'instance').generation + 1 }, state));
        assert.ok(onDisk() >= index + 1);
      }),
    );
    assert.equal(onDisk(), 50);
    assert.ok(writes < 10, `${String(writes)} writes`);
  });

  for (const [what, text] of [
    ['torn', '{"version":1,"gener'],
    ['empty', ''],
    ['of another version', JSON.stringify({ ...EMPTY_STATE, version: 1 })],
    ['of wrong types', JSON.stringify({ ...EMPTY_STATE, consumers: { a: { pending: 'yes' } } })],
    ['not an object', '[]'],
  ] as const) {
    test(`that is ${what} is set aside with a warning, and the agent starts over`, (t) => {
      const directory = tempDir(t);
      writeFileSync(join(directory, 'state.json'), text);
      const log = recordingLog();
      const { state } = StateStore.open(ownDirectory(directory), log);
      assert.deepEqual(state, EMPTY_STATE);
      const [aside = ''] = readdirSync(directory);
      assert.match(aside, /^state\.json\.unusable-\d+$/);
      assert.equal(readFileSync(join(directory, aside), 'utf8'), text);
      assert.match(log.lines.join(), /^warn .*state\.json cannot be used .* set aside as .*starting over$/);
    });
  }

  test('that cannot be written is trouble to report, not an exception; and over when it is', async (t) => {
    const directory = tempDir(t);
    const path = join(directory, 'state.json');
    const store = StateStore.open(ownDirectory(directory), recordingLog());
    mkdirSync(join(path, 'in the way'), { recursive: true });
    await store.update((state) => stateWith({ generation: 1 }, state));
    assert.equal(memoryOf(store.state, 'instance').generation, 1);
    assert.equal(store.trouble?.code, 'STATE_UNWRITABLE');
    assert.match(store.trouble.message, /state\.json: cannot be written: EISDIR on rename$/);
    rmSync(path, { recursive: true });
    await store.update((state) => state);
    assert.equal(store.trouble, undefined);
  });

  test('that has no place is told from one that is not safe', async (t) => {
    const troubleIn = async (path: string): Promise<string | undefined> => {
      const directory = new OwnDirectory(path, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
      const store = StateStore.open(directory, recordingLog());
      await store.update((state) => stateWith({ generation: 1 }, state));
      return store.trouble?.code;
    };
    const open = tempDir(t);
    assert.equal(await troubleIn(join(open, 'missing')), 'STATE_ABSENT');
    chmodSync(open, 0o777);
    assert.equal(await troubleIn(open), 'STATE_UNSAFE');
  });
});
