import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { DotenvSink } from '../../../src/core/config.ts';
import type { SinkOutcome } from '../../../src/core/outcomes.ts';
import { findHome } from '../../../src/paths/accounts.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import { actingDeps, ALICE, estateOf, skipsWithoutRoot } from '../../support/acting.ts';
import { testAsOrdinaryUser } from '../../support/ordinary-user.ts';
import { applyRequest, sinkAt, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';

const BOB = 65_533;
const STAFF = 65_532;

/** Bob, who is in no group but his own, or in that of the staff too. */
function withBob(isStaff: boolean): ReturnType<typeof sinkDeps> {
  const users = {
    user: () => Promise.resolve({ uid: BOB, gid: BOB }),
    group: () => Promise.resolve(STAFF),
    isMember: (_: number, gid: number) => Promise.resolve(gid === BOB || isStaff),
  };
  return sinkDeps({ users });
}

describe('a missing directory', () => {
  // Cause: it was made 0700 root:root, so that neither group nor owner could come to the file, and all said OK.
  for (const [what, wanted, isStaff, mode, gid] of [
    ['for root', {}, false, 0o750, 0],
    ['for the members of a group', { group: 'staff', mode: 0o640 }, true, 0o750, STAFF],
    ['for an owner and the own group', { owner: 'bob' }, false, 0o750, BOB],
    ['for an owner who is not in the group', { owner: 'bob', group: 'staff', mode: 0o640 }, false, 0o711, STAFF],
    ['for an owner who is in the group', { owner: 'bob', group: 'staff', mode: 0o640 }, true, 0o750, STAFF],
    ['for everybody', { mode: 0o644 }, false, 0o711, 0],
  ] as const) {
    test(`on root's way is made ${what}, and stays root's`, async (t) => {
      if (skipsWithoutRoot(t)) return;
      const directory = tempDir(t);
      chmodSync(directory, 0o755);
      const outcome = await apply(sinkAt(join(directory, 'one/two/a'), wanted), withBob(isStaff));
      assert.partialDeepStrictEqual(outcome, { result: 'written', warnings: [] });
      for (const name of ['one', 'one/two']) {
        const stat = lstatSync(join(directory, name));
        assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o7777], [0, gid, mode], name);
      }
    });
  }

  test("in a user's tree is the user's, and only the last one is made", async (t) => {
    if (skipsWithoutRoot(t)) return;
    const { home } = estateOf(t, ALICE);
    const sinks = ['.aws/a', 'one/two/a'].map((name) => sinkAt(join(home, name)));
    const { outcomes } = await applySinks(actingDeps(), applyRequest(sinks));
    assert.equal(outcomes[0]?.result, 'written');
    const { uid, mode } = lstatSync(join(home, '.aws'));
    assert.deepEqual([uid, mode & 0o7777], [ALICE, 0o700]);
    assert.equal(outcomes[1]?.error?.code, 'SINK_UNSAFE_PATH');
    assert.equal(outcomes[1].error.hint, `make them: sudo -u '#${ALICE}' install -d -m 700 ${join(home, 'one/two')}`);
    assert.ok(!existsSync(join(home, 'one')));
  });

  testAsOrdinaryUser(import.meta.filename, 'of an ordinary agent: only the last one is made', async (t) => {
    const directory = tempDir(t);
    assert.equal((await apply(sinkAt(join(directory, 'one/a')))).result, 'written');
    assert.equal(lstatSync(join(directory, 'one')).mode & 0o7777, 0o700);
    assert.equal((await apply(sinkAt(join(directory, 'two/three/a')))).error?.code, 'SINK_UNSAFE_PATH');
    assert.deepEqual(readdirSync(directory), ['one']);
  });

  // Cause: root made the home of a user who was not there yet, and it stayed root's.
  test('is not made where it is a home', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const path = '/home/nobody-of-this-name/.aws/credentials';
    const { error } = await apply(sinkAt(path));
    assert.equal(error?.code, 'SINK_UNSAFE_PATH');
    assert.match(error.message, /expected the home \/home\/nobody-of-this-name to be there/);
    assert.ok(!existsSync(dirname(dirname(path))));
  });

  test('is a home when a user has it, wherever, or when it is usually one', () => {
    const passwd = 'app:x:998:997::/srv/app/:/bin/sh\nodd\nnone:x:1:1:::\n';
    const user = { name: 'app', gid: 997 };
    assert.deepEqual(findHome(['/srv', '/srv/app'], passwd), { path: '/srv/app', user });
    assert.deepEqual(findHome(['/home', '/home/alice'], passwd), { path: '/home/alice' });
    assert.equal(findHome(['/home', '/srv', '/srv/app/x', '/home/alice/x'], passwd), undefined);
  });
});

describe('an existing directory', () => {
  for (const [what, wanted, isStaff, shape, warned] of [
    ['closed to the owner', { owner: 'bob' }, false, [0, 0o700], /shuts the owner bob out/],
    ['of a group that the owner is not in', { owner: 'bob' }, false, [STAFF, 0o750], /shuts the owner bob out/],
    ['of a group that the owner is in', { owner: 'bob' }, true, [STAFF, 0o750], undefined],
    ['closed to the group', { group: 'staff', mode: 0o640 }, true, [0, 0o750], /shuts the group staff out/],
    ['of the group', { group: 'staff', mode: 0o640 }, true, [STAFF, 0o750], undefined],
    ['closed to a group that may not read the file', { group: 'staff' }, true, [0, 0o700], undefined],
    ['open to all', { owner: 'bob', group: 'staff', mode: 0o640 }, false, [0, 0o755], undefined],
  ] as const) {
    test(`${what}: ${warned ? 'said in each pass' : 'not said'}`, async (t) => {
      if (skipsWithoutRoot(t)) return;
      const [gid, bits] = shape;
      const directory = directoryOf(t, gid, bits);
      const sink = sinkAt(join(directory, 'a'), wanted);
      const deps = withBob(isStaff);
      const first = await applySinks(deps, applyRequest([sink]));
      const again = await applySinks(deps, applyRequest([sink], { records: first.records }));
      for (const outcome of [...first.outcomes, ...again.outcomes]) {
        assert.equal(outcome.error, undefined);
        if (warned) assert.match(outcome.warnings.join(), warned);
        else assert.deepEqual(outcome.warnings, []);
      }
      assert.equal(again.outcomes[0]?.result, 'unchanged');
    });
  }
});

function directoryOf(t: TestContext, gid: number, mode: number): string {
  const base = tempDir(t);
  chmodSync(base, 0o755);
  const directory = join(base, 'closed');
  mkdirSync(directory);
  chownSync(directory, 0, gid);
  chmodSync(directory, mode);
  return directory;
}

async function apply(sink: DotenvSink, deps = sinkDeps()): Promise<SinkOutcome> {
  const { outcomes } = await applySinks(deps, applyRequest([sink]));
  return outcomes[0] ?? assert.fail('no outcome');
}
