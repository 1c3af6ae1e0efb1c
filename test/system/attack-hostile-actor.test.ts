import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../src/core/errors.ts';
import { delegate, type Delegated } from '../../src/sinks/acting/delegate.ts';
import { ACTING_LIMITS } from '../../src/sinks/acting/message.ts';
import type { ForgetOptions, Job, JobResult, JobScope, TempFile, WriteOptions } from '../../src/sinks/contract.ts';
import type { SinkRecord } from '../../src/sinks/record.ts';
import { createActors } from '../../src/system/actors.ts';
import { credentials, NOON } from '../support/credentials.ts';
import { limit } from '../support/limits.ts';
import { sinkAt } from '../support/sinks.ts';

const FAKE = join(import.meta.dirname, '../support/fake-actor-child.ts');
const NODE = [process.execPath, '--disable-warning=ExperimentalWarning', FAKE];
const OLD: TempFile = { path: '/home/bob/.a.0.crtmp', inode: '7', uid: 1000 };
const NOW = { renamedAt: NOON, renamedAtBoot: { bootId: 'this', sinceBoot: 5 } };

describe('a process that acts as a user and says', () => {
  const expected: Readonly<Record<string, readonly [code: ErrorCode, message: RegExp]>> = {
    'its end': ['SINK_ACTOR_FAILED', /got its end \(exit code 0\)$/],
    'an end with a code': ['SINK_ACTOR_FAILED', /got its end \(exit code 3\)$/],
    'an end by its own hand': ['SINK_ACTOR_FAILED', /got its end \(SIGABRT\)$/],
    nonsense: ['SINK_ACTOR_FAILED', /got a malformed answer$/],
    'a line without end': ['SINK_ACTOR_FAILED', /got its end \(more than \d+ bytes\)$/],
    'lines without end': ['SINK_ACTOR_FAILED', /got a malformed answer$/],
    'temp files without end': ['SINK_ACTOR_FAILED', /got one without end$/],
    'that it could not become the user': ['SINK_ACTOR_FAILED', /got EPERM, Operation not permitted\\u\{1b\}\[2J$/],
    'nothing at all': ['SINK_TIMEOUT', /got none in 0.3 s$/],
  };
  for (const [what, [code, message]] of Object.entries(expected)) {
    test(`${what}: its sinks fail, and no other harm is done`, async () => {
      // Only where nothing is to come the patience may run out.
      const { outcomes, records, temps } = await apply(what, code === 'SINK_TIMEOUT' ? 300 : limit(30_000));
      assert.partialDeepStrictEqual(outcomes, [{ path: '/home/bob/a', result: 'failed', error: { code } }]);
      assert.match(outcomes[0]?.error?.message ?? '', /^\/home\/bob\/a: expected /);
      assert.match(outcomes[0]?.error?.message ?? '', message);
      assert.ok(outcomes[0]?.error?.hint);
      assert.deepEqual(records, {});
      assert.deepEqual(temps[0], OLD);
    });
  }

  test('anything of these when it was asked to forget: its sinks fail alike', async () => {
    for (const [what, [code, message]] of Object.entries(expected)) {
      const delegated = partner(what, FORGET, code === 'SINK_TIMEOUT' ? 300 : limit(30_000));
      const { outcomes, temps } = await delegate(delegated, hooks);
      assert.partialDeepStrictEqual(outcomes, [{ path: '/home/bob/a', result: 'failed', error: { code } }], what);
      assert.match(outcomes[0]?.error?.message ?? '', message);
      assert.deepEqual(temps[0], OLD);
    }
  });

  test('that it has written when it was asked to forget: is nonsense', async () => {
    for (const kind of ['forget', 'preview-forget'] as const) {
      const { outcomes } = await delegate(partner('that it is done before it was asked', { ...FORGET, kind }), hooks);
      assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_ACTOR_FAILED' } }]);
      assert.match(outcomes[0]?.error?.message ?? '', /got a malformed answer$/);
    }
  });

  test('that it is done before it was asked: is believed, since it is about its own sinks alone', async () => {
    const { outcomes, records } = await apply('that it is done before it was asked');
    assert.partialDeepStrictEqual(outcomes, [{ path: '/home/bob/a', format: 'dotenv', result: 'written' }]);
    assert.deepEqual(records, {});
  });

  // Consumers that started since the rename are not notified.
  test('when it renamed: is not believed, unless it is what was known', async () => {
    const { records } = await apply('when it renamed, by its own word');
    const [[id, told]] = Object.entries(records) as [[string, SinkRecord]];
    assert.partialDeepStrictEqual(told, { inode: '1', ...NOW });
    const known = { renamedAt: 1, renamedAtBoot: { bootId: 'this', sinceBoot: 1 } };
    for (const [change, expected] of [
      [{}, known],
      [{ renamedAt: 2 }, NOW],
      [{ renamedAtBoot: { bootId: 'other', sinceBoot: 1 } }, NOW],
      [{ renamedAtBoot: { bootId: 'this', sinceBoot: 2 } }, NOW],
    ] as const) {
      const record = { ...told, ...known, ...change };
      const job = { ...APPLY, records: { [id]: record } };
      const again = await delegate(partner('when it renamed, by its own word', job), hooks);
      assert.partialDeepStrictEqual(again.records[id], expected);
    }
  });

  test('temp files, and then nothing: they stay in the journal, and the sinks count as changed', async () => {
    const { outcomes, temps } = await apply('temp files, and then nothing', limit(2_000));
    assert.partialDeepStrictEqual(outcomes, [{ bytesChanged: true, error: { code: 'SINK_TIMEOUT' } }]);
    assert.deepEqual(temps, [OLD, { path: '/home/bob/.a.1.crtmp', inode: '1', uid: 1000 }]);
  });

  test('temp files when asked for a look: the look fails', async () => {
    for (const job of [
      { ...APPLY, kind: 'preview' as const },
      { ...FORGET, kind: 'preview-forget' as const },
    ]) {
      const { outcomes } = await delegate(partner('temp files, and then nothing', job), hooks);
      assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_ACTOR_FAILED' } }]);
    }
  });
});

test('a program that cannot be started is a failure of the sinks', async () => {
  const actors = createActors([join(import.meta.dirname, 'none')]);
  const { outcomes } = await delegate({ ...partner('', APPLY), actors }, hooks);
  assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_ACTOR_FAILED' } }]);
  assert.match(outcomes[0]?.error?.message ?? '', /ENOENT on spawn/);
});

test('a process that not even a kill ends keeps its sinks from being tried again, and nothing else', async () => {
  const { outcomes, temps } = await delegate({ ...partner('', APPLY), actors: { start: () => undefined } }, hooks);
  assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_TIMEOUT' } }]);
  assert.match(outcomes[0]?.error?.message ?? '', /got one of an earlier pass that still hangs$/);
  assert.deepEqual(temps, [OLD]);
});

const hooks = { beforeWrite: () => Promise.resolve(), now: () => NOW };

async function apply(what: string, jobMs?: number): Promise<JobResult> {
  return await delegate(partner(what, APPLY, jobMs), hooks);
}

const COMMON = { sinks: [sinkAt('/home/bob/a')], temps: [OLD], trustedGroups: [], privateVolumes: [] };
const APPLY: JobScope & WriteOptions = {
  ...COMMON,
  ...{
    kind: 'apply',
    version: { fingerprint: '1', expiration: 1 },
    credentials: credentials('1'),
    origin: {},
    rotated: true,
    records: {},
  },
};
const FORGET: JobScope & ForgetOptions = { ...COMMON, kind: 'forget', keyId: '…0001', force: false };

function partner(what: string, job: Job, jobMs = limit(30_000)): Delegated {
  const user = { uid: 1000, gid: 1000 };
  return { user, actors: createActors([...NODE, what]), limits: { ...ACTING_LIMITS, jobMs, perSinkMs: 0 }, job };
}
