import assert from 'node:assert/strict';
import { lstatSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { applySinks } from '../../../src/sinks/apply.ts';
import { makeWitness } from '../../../src/sinks/place/records.ts';
import { accessTimesShow, parseMounts, readsShow, showsReads } from '../../../src/paths/mounts.ts';
import { applyRequest, letTimePass, sinkAt, sinkDeps } from '../../support/sinks.ts';
import { Held } from '../../../src/paths/held.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 8:2 / /srv rw,noatime shared:2 - xfs /dev/sda2 rw,relatime
24 23 8:3 / /srv/app rw,nodiratime,relatime - ext4 /dev/sda3 rw
25 22 0:40 / /mnt/nfs rw,relatime shared:3 - nfs4 server:/x rw
26 22 8:4 / /a\\040b rw,noatime - ext4 /dev/sda4 rw
27 22 8:5 / /twice rw,relatime - ext4 /dev/sda5 rw
28 27 8:6 / /twice rw,noatime - ext4 /dev/sda6 rw
29 22 8:7 / /broken rw,relatime - ext4 /dev/sda7 ro,errors=remount-ro
30 22 8:1 /volume /volume ro,relatime - ext4 /dev/sda1 rw
31 22 0:41 / /run rw,nosuid - tmpfs  rw,size=10k
`;

test('what a mount says of its access times', () => {
  const table = parseMounts(MOUNTINFO);
  const keeps = (path: string): boolean => showsReads(table, table, [path]);
  const paths = [
    '/etc/x',
    '/srv/x',
    '/srvx',
    '/srv/app/x',
    '/mnt/nfs/x',
    '/a b/x',
    '/twice/x',
    '/broken/x',
    '/volume/x',
    '/run/x',
  ];
  assert.deepEqual(
    paths.filter((path) => keeps(path)),
    ['/etc/x', '/srvx', '/srv/app/x', '/run/x'],
  );
  assert.equal(showsReads([], [], ['/etc/x']), false);
  assert.equal(accessTimesShow(2 ** 31), false, 'no such mount');
});

// Cause: the kernel leaves the access time alone where the mount that is read through is read-only, as /etc is in a unit
// with ProtectSystem=full, or a volume of a container.
test('whether a process would leave a trace goes by its own mounts', () => {
  const shows = (theirs: string, ...paths: readonly string[]): boolean =>
    showsReads(parseMounts(MOUNTINFO), parseMounts(theirs), paths);
  const views: readonly (readonly [path: string, theirs: string, expected: boolean])[] = [
    ['/etc/x', MOUNTINFO, true],
    ['/srv/x', MOUNTINFO, false],
    ['/etc/x', MOUNTINFO.replace('/ / rw,relatime', '/ / ro,relatime'), false],
    ['/etc/x', `${MOUNTINFO}30 22 8:1 /etc /etc ro,relatime - ext4 /dev/sda1 rw\n`, false],
    ['/etc/x', `${MOUNTINFO}30 22 8:1 /etc /etc rw,noatime - ext4 /dev/sda1 rw\n`, false],
    ['/etc/x', MOUNTINFO.replace('rw,relatime', 'ro').concat('30 22 8:1 /etc /etc rw - ext4 /dev/sda1 rw\n'), true],
    ['/etc/x', '1 0 0:99 / / rw,relatime - overlay overlay rw\n', false],
    ['/etc/x', '', false],
  ];
  for (const [path, theirs, expected] of views) assert.equal(shows(theirs, path), expected, theirs);
  assert.equal(shows(MOUNTINFO, '/etc/x', '/srv/x'), false, 'one that would not show may be the one that is read');
  assert.equal(readsShow(process.pid, []), true);
  assert.equal(readsShow(2 ** 30, ['/etc/x']), undefined, 'nobody');
});

describe('whether a sink was read', () => {
  test('is seen by the next pass, in its access time', async (t) => {
    const directory = tempDir(t);
    using held = Held.unjudged(directory);
    if (!accessTimesShow(held.mountId)) {
      t.skip(`needs a file system that keeps access times at ${directory}`);
      return;
    }
    const sinks = ['a', 'b'].map((name) => sinkAt(join(directory, name)));
    const pass = async (records = {}): Promise<Awaited<ReturnType<typeof applySinks>>> =>
      await applySinks(sinkDeps(), applyRequest(sinks, { records }));
    const first = await pass();
    assert.deepEqual(
      first.outcomes.map(({ evidence }) => evidence),
      [undefined, undefined],
      'just written',
    );
    letTimePass(join(directory, 'a'));
    readFileSync(join(directory, 'a'));
    const second = await pass(first.records);
    assert.deepEqual(
      second.outcomes.map(({ evidence }) => evidence?.kind),
      ['read', 'unread'],
    );
    const { atimeMs, mtimeMs } = lstatSync(join(directory, 'a'), { bigint: true });
    const times = { writtenAt: Number(mtimeMs), readAt: Number(atimeMs) };
    assert.deepEqual(second.outcomes[0]?.evidence, { kind: 'read', ...times });
    // Without records the agent reads them itself, which must not count.
    assert.deepEqual(
      (await pass()).outcomes.map(({ evidence }) => evidence?.kind),
      ['read', 'unread'],
    );
    assert.deepEqual(
      (await pass()).outcomes.map(({ evidence }) => evidence?.kind),
      ['read', 'unread'],
    );
  });

  test('is unknown where access times are not kept, unless one shows', (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, '');
    const kind = (atime: number, mtime: number, keeps: boolean): string | undefined => {
      utimesSync(path, atime, mtime);
      return makeWitness(() => keeps)(0, lstatSync(path, { bigint: true })).evidence?.kind;
    };
    assert.equal(kind(100, 100, true), 'unread');
    assert.equal(kind(100, 100, false), 'unknown');
    assert.equal(kind(101, 100, false), 'read');
    assert.equal(kind(1_000, 1_060, true), 'unread', 'made a minute before it was filled');
    assert.equal(kind(1_000, 1_061, true), undefined, 'read after the clock was set back');
  });

  test('is not said of times that no clock can have', () => {
    const stat = lstatSync('/', { bigint: true });
    for (const ns of [9n * 10n ** 24n, -(10n ** 9n)]) {
      const odd = Object.assign(Object.create(stat) as typeof stat, { atimeNs: ns, mtimeNs: ns });
      assert.deepEqual(makeWitness()(0, odd), {});
    }
  });
});
