import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SinkOutcome } from '../../../src/core/outcomes.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import type { ApplyRequest } from '../../../src/sinks/contract.ts';
import { previewSinks } from '../../../src/sinks/apply.ts';
import { ALICE, actingDeps, BOB, estateOf, skipsWithoutRoot, UNLISTED, NO_GROUP } from '../../support/acting.ts';
import { applyRequest, sinkAt } from '../../support/sinks.ts';

/** A directory of everybody's, with one of this user's in it. */
function stickyOf(t: TestContext, uid: number): string {
  const { base } = estateOf(t, BOB);
  mkdirSync(join(base, 'shm/app'), { recursive: true });
  chmodSync(join(base, 'shm'), 0o1777);
  chownSync(join(base, 'shm/app'), uid, uid);
  return join(base, 'shm/app');
}

/** A pass and a look say alike. */
async function both(sink: ReturnType<typeof sinkAt>, change: Partial<ApplyRequest> = {}): Promise<SinkOutcome> {
  const [look] = await previewSinks(actingDeps(), applyRequest([sink], change));
  const { outcomes } = await applySinks(actingDeps(), applyRequest([sink], change));
  assert.deepEqual([look?.result, look?.error], [outcomes[0]?.result, outcomes[0]?.error]);
  return outcomes[0] ?? assert.fail();
}

describe('who came first in a directory of everybody’s', () => {
  test('gets nothing, unless the sink names that owner', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const directory = stickyOf(t, BOB);
    const path = join(directory, 'a');
    for (const sink of [sinkAt(path), sinkAt(path, { owner: ALICE }), sinkAt(path, { owner: 0 })]) {
      const { result, error } = await both(sink);
      assert.deepEqual([result, error?.code], ['refused', 'SINK_UNSAFE_PATH']);
      assert.match(error?.message ?? '', /expected \S+\/app to be root's, .* got one of uid 2$/);
      assert.match(error?.hint ?? '', /tmpfiles\.d.*owner: 2$/);
    }
    assert.deepEqual(readdirSync(directory), []);
    assert.equal((await both(sinkAt(path, { owner: BOB }))).result, 'written');
    assert.equal(lstatSync(path).uid, BOB);
  });

  test('is used when it is root', async (t) => {
    if (skipsWithoutRoot(t)) return;
    assert.equal((await both(sinkAt(join(stickyOf(t, 0), 'a')))).result, 'written');
  });
});

describe('a number that is nobody’s', () => {
  test('acts only where the sink names it by number', async (t) => {
    if (skipsWithoutRoot(t)) return;
    for (const uid of [UNLISTED, NO_GROUP]) {
      const path = join(estateOf(t, uid).home, 'a');
      const { error } = await both(sinkAt(path));
      assert.equal(error?.code, 'SINK_UNSAFE_PATH');
      assert.match(error.hint ?? '', new RegExp(`owner: ${uid}$`));
      assert.equal((await both(sinkAt(path, { owner: uid }))).result, 'written');
    }
    const path = join(estateOf(t, NO_GROUP).home, 'a');
    assert.equal((await both(sinkAt(path, { owner: 'nobody' }))).result, 'refused');
  });
});

describe('what a write would meet, a look says', () => {
  test('root’s directory in a user’s home', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    mkdirSync(join(home, '.aws'));
    const { error } = await both(sinkAt(join(home, '.aws/credentials')));
    assert.equal(error?.code, 'SINK_WRITE_FAILED');
    assert.match(error.message, /credentials: expected a complete write, got EACCES on access$/);
  });

  test('an immutable file', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base } = estateOf(t, BOB);
    const path = join(base, 'a');
    writeFileSync(path, '');
    if (spawnSync('chattr', ['+i', path]).status !== 0) {
      t.skip('needs a file system with attributes: chattr');
      return;
    }
    // Before the directory is removed.
    using cleanup = new DisposableStack();
    cleanup.defer(() => spawnSync('chattr', ['-i', path]));
    const { error } = await both(sinkAt(path));
    assert.match(error?.message ?? '', /got EPERM on access$/);
  });
});

describe('an ACL', () => {
  test('that was added later is drift, and goes', async (t) => {
    const { base } = estateOf(t, process.getuid?.() ?? 0);
    const path = join(base, 'a');
    const sink = sinkAt(path, { mode: 0o640 });
    const { records } = await applySinks(actingDeps(), applyRequest([sink]));
    if (spawnSync('setfacl', ['-m', 'u:2:r', path]).status !== 0) {
      t.skip('needs setfacl, and a file system with ACLs');
      return;
    }
    assert.equal(lstatSync(path).mode & 0o777, 0o640, 'the mode does not show it');
    const { outcomes } = await applySinks(actingDeps(), applyRequest([sink], { records, rotated: false }));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'repaired', drift: ['mode'] }]);
    assert.doesNotMatch(spawnSync('getfacl', ['-n', path], { encoding: 'utf8' }).stdout, /^user:2:/m);
  });
});

describe('a member of a trusted group', () => {
  test('gets no byte by a file of their own in place of the temp file', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base } = estateOf(t, BOB);
    const shared = join(base, 'shared');
    mkdirSync(shared);
    chownSync(shared, 0, BOB);
    chmodSync(shared, 0o770);
    const beforeWrite: ApplyRequest['beforeWrite'] = (temps) => {
      for (const { path } of temps) {
        writeFileSync(`${path}.mine`, '', { mode: 0o600 });
        chownSync(`${path}.mine`, BOB, BOB);
        renameSync(`${path}.mine`, path);
      }
      return Promise.resolve();
    };
    const sink = sinkAt(join(shared, 'a'));
    const { outcomes } = await applySinks(actingDeps(), applyRequest([sink], { beforeWrite, trustedGroups: [BOB] }));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_CONFLICT' } }]);
    for (const name of readdirSync(shared)) assert.equal(lstatSync(join(shared, name)).size, 0, name);
  });
});
