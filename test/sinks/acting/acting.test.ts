import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ApplyRequest, TempFile } from '../../../src/sinks/contract.ts';
import { idOf } from '../../../src/core/sink-id.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import { previewSinks } from '../../../src/sinks/apply.ts';
import {
  actingDeps,
  actorsOf,
  ALICE,
  BOB,
  estateOf,
  NO_GROUP,
  skipsWithoutRoot,
  UNLISTED,
} from '../../support/acting.ts';
import { applyRequest, sinkAt } from '../../support/sinks.ts';

describe('a sink on the path of a user', () => {
  test('is written by one process of that user, beside the sinks of root, all of them journalled at once', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { base, home } = estateOf(t, ALICE);
    const paths = [join(base, 'own'), join(home, 'a'), join(home, '.aws/credentials')];
    const calls: { temps: readonly TempFile[]; changing: readonly string[]; actors: number }[] = [];
    const beforeWrite: ApplyRequest['beforeWrite'] = (temps, changing) => {
      for (const { path } of temps) assert.equal(lstatSync(path).size, 0);
      calls.push({ temps, changing, actors: actorsOf(ALICE).length });
      return Promise.resolve();
    };
    const sinks = paths.map((path) => sinkAt(path));
    const result = await applySinks(actingDeps(), applyRequest(sinks, { beforeWrite }));
    assert.deepEqual(
      result.outcomes.map((outcome) => [outcome.path, outcome.result, outcome.bytesChanged, outcome.error]),
      paths.map((path) => [path, 'written', true, undefined]),
    );
    assert.deepEqual(result.temps, []);
    const [call = assert.fail('no journal')] = calls;
    assert.equal(calls.length, 1);
    assert.equal(call.actors, 1);
    assert.deepEqual(call.changing.toSorted(), paths.map((path) => idOf(sinkAt(path))).toSorted());
    assert.deepEqual(call.temps.map(({ uid }) => uid).sort(), [ALICE, ALICE, undefined]);
    for (const path of paths.slice(1)) {
      const { uid, gid, mode } = lstatSync(path);
      assert.deepEqual([uid, gid, mode & 0o777], [ALICE, ALICE, 0o600], path);
    }
    assert.equal(lstatSync(join(home, '.aws')).mode & 0o777, 0o700);
    assert.match(readFileSync(join(home, 'a'), 'latin1'), /^A=\S+\n/);
  });

  test('is left alone while nothing changes, and repaired when something does', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    const path = join(home, 'a');
    const deps = actingDeps();
    const { records } = await applySinks(deps, applyRequest([sinkAt(path)]));
    const { ino } = lstatSync(path);
    const again = await applySinks(deps, applyRequest([sinkAt(path)], { records }));
    assert.equal(again.outcomes[0]?.result, 'unchanged');
    assert.equal(lstatSync(path).ino, ino);
    assert.deepEqual(again.records, records);
    chmodSync(path, 0o644);
    const { outcomes } = await applySinks(deps, applyRequest([sinkAt(path)], { records, rotated: false }));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'repaired', bytesChanged: false, drift: ['mode'] }]);
  });

  test('that root owns a part of is written by the user all the same', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    mkdirSync(join(home, 'of-root'), { mode: 0o755 });
    writeFileSync(join(home, 'of-root/a'), 'OTHER=1\n', { mode: 0o600 });
    const { outcomes } = await applySinks(actingDeps(), applyRequest([sinkAt(join(home, 'of-root/b'))]));
    // Bob could swap the directory, so root does not write there; and Bob may not.
    assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_WRITE_FAILED' } }]);
    assert.match(outcomes[0]?.error?.message ?? '', /EACCES/);
    assert.deepEqual(readdirSync(join(home, 'of-root')), ['a']);
    const { outcomes: read } = await applySinks(actingDeps(), applyRequest([sinkAt(join(home, 'of-root/a'))]));
    assert.partialDeepStrictEqual(read, [{ result: 'failed', error: { code: 'SINK_UNREADABLE' } }]);
  });

  test('belongs to that user, and to one of his groups', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, ALICE);
    const sinks = [
      sinkAt(join(home, 'a'), { owner: 'root' }),
      sinkAt(join(home, 'b'), { group: 0 }),
      sinkAt(join(home, 'c'), { owner: ALICE, group: ALICE, mode: 0o640 }),
      sinkAt(join(home, 'd'), { owner: 'no such' }),
    ];
    const { outcomes } = await applySinks(actingDeps(), applyRequest(sinks));
    assert.deepEqual(
      outcomes.map(({ result, error }) => [result, error?.code]),
      [
        ['refused', 'SINK_OWNER_DENIED'],
        ['refused', 'SINK_OWNER_DENIED'],
        ['written', undefined],
        ['refused', 'SINK_OWNER_UNKNOWN'],
      ],
    );
    assert.match(outcomes[0]?.error?.message ?? '', /a: expected uid 1 as the owner.*got uid 0$/);
    assert.match(outcomes[1]?.error?.hint ?? '', /add the user to that group/);
    assert.deepEqual(readdirSync(home), ['c']);
  });

  test('has no group to be read by when its user has no entry', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, UNLISTED);
    const owner = UNLISTED;
    const sinks = [sinkAt(join(home, 'a'), { owner, mode: 0o640 }), sinkAt(join(home, 'b'), { owner })];
    const { outcomes } = await applySinks(actingDeps(), applyRequest(sinks));
    assert.partialDeepStrictEqual(outcomes, [{ error: { code: 'SINK_OWNER_UNKNOWN' } }, { result: 'written' }]);
    // A group of that number may be another's.
    assert.equal(lstatSync(join(home, 'b')).gid, NO_GROUP);
  });

  test('is refused when a second user owns a part of it', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    mkdirSync(join(home, 'eve'));
    chownSync(join(home, 'eve'), ALICE, ALICE);
    const { outcomes } = await applySinks(actingDeps(), applyRequest([sinkAt(join(home, 'eve/a'))]));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'refused', error: { code: 'SINK_UNSAFE_PATH' } }]);
    assert.match(outcomes[0]?.error?.message ?? '', /root and uid 2 alone, got a part of it owned by uid 1$/);
    assert.deepEqual(readdirSync(join(home, 'eve')), []);
  });

  test('may lie where a trusted group can write', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, ALICE);
    chownSync(home, ALICE, BOB);
    chmodSync(home, 0o775);
    const sinks = [sinkAt(join(home, 'a'))];
    const refused = await applySinks(actingDeps(), applyRequest(sinks, { trustedGroups: ['no such'] }));
    assert.partialDeepStrictEqual(refused.outcomes, [{ error: { code: 'SINK_UNSAFE_PATH' } }]);
    const { outcomes } = await applySinks(actingDeps(), applyRequest(sinks, { trustedGroups: [BOB] }));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'written' }]);
  });
});

describe('a look at the path of a user', () => {
  test('shows what would be written, and writes nothing', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, BOB);
    writeFileSync(join(home, 'a'), 'OTHER=1\n', { mode: 0o600 });
    writeFileSync(join(home, 'large'), `X=${'x'.repeat(200_000)}\n`, { mode: 0o600 });
    for (const name of ['a', 'large']) chownSync(join(home, name), BOB, BOB);
    const sinks = ['a', 'large', 'made/b'].map((name) => sinkAt(join(home, name)));
    const [changed, large, made] = await previewSinks(actingDeps(), applyRequest(sinks));
    assert.equal(changed?.current?.toString(), 'OTHER=1\n');
    assert.match(changed.next?.toString() ?? '', /^OTHER=1\nA=/);
    assert.deepEqual(changed.drift, ['bytes']);
    assert.deepEqual([large?.drift, large?.current, large?.next], [['bytes'], undefined, undefined]);
    assert.deepEqual([made?.drift, made?.current], [['missing'], undefined]);
    assert.deepEqual(readdirSync(home).sort(), ['a', 'large']);
    assert.equal(readFileSync(join(home, 'a'), 'latin1'), 'OTHER=1\n');
  });
});

describe('what a kill has left behind', () => {
  test('is removed by a process of the user who made it, also when that user has no sinks any more', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home, vault, assertVaultUntouched } = estateOf(t, BOB);
    const leave = (path: string): TempFile => {
      writeFileSync(path, 'secret', { mode: 0o600 });
      chownSync(path, BOB, ALICE);
      return { path, inode: String(lstatSync(path, { bigint: true }).ino), uid: BOB };
    };
    const temps = [leave(join(home, 'a.1')), leave(join(home, 'b.2'))];
    // What Bob's process might have claimed.
    const { ino } = lstatSync(join(vault, 'credentials'), { bigint: true });
    const claimed = { path: join(vault, 'credentials'), inode: String(ino), uid: BOB };
    const result = await applySinks(actingDeps(), applyRequest([], { temps: [...temps, claimed] }));
    assert.deepEqual(readdirSync(home), []);
    assertVaultUntouched();
    assert.deepEqual(result.temps, []);
  });

  test('stays in the journal where there is nobody to remove it', async () => {
    const temp = { path: '/proc/nonexistent/a.1', inode: '1', uid: BOB };
    const { actors: _actors, ...deps } = actingDeps();
    const result = await applySinks(deps, applyRequest([], { temps: [temp] }));
    assert.deepEqual(result.temps, [temp]);
  });
});
