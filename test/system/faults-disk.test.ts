import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { openSite, reportOf, said, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { makeHook } from '../support/programs.ts';
import { assertCurrent, EVERY_FAILURE, failEach, failForAWhile, onOneLine, statusOf } from '../faults/errors.ts';
import type { Report } from '../../src/report/schema.ts';
import { writeShort } from '../faults/short-writes.ts';
import { tally } from '../faults/tally.ts';
import { hasOwnMounts, ownMount, remount, tmpfs } from './mounts.ts';

/** Longer than a page each, so that a file may fit in part. */
const FOREIGN = { credentials: `[other]\nregion = ${'x'.repeat(6_000)}\n`, 'app.env': `OTHER=${'x'.repeat(6_000)}\n` };
const SMALL = Object.keys(FOREIGN);

/** Two sinks on a disk of their own, and one beside it. */
function configure(site: Site, disk: string): readonly string[] {
  return site.configure({
    sinks: [
      { path: join(disk, 'credentials'), format: 'aws-credentials' },
      { path: join(disk, 'app.env'), format: 'dotenv' },
      { path: site.path('out/iam.json'), format: 'json' },
    ],
  });
}

interface Scene {
  readonly site: Site;
  readonly disk: string;
  readonly config: readonly string[];
}

/** A disk that holds what the options say, and on it the sinks' first generation. */
async function openSmallDisk(t: TestContext, options: string): Promise<Scene> {
  const site = await openSite(t);
  const disk = tmpfs(t, options);
  for (const [name, text] of Object.entries(FOREIGN)) writeFileSync(join(disk, name), text);
  const config = configure(site, disk);
  assert.equal((await site.run(['once', ...config])).code, 0);
  return { site, disk, config };
}

/** One rotation. Fails unless each file is old or new, and its failure named; gives the number of failures. */
async function survive({ site, disk, config }: Scene, call: string): Promise<number> {
  const read = (): string[] => SMALL.map((name) => readFileSync(join(disk, name), 'utf8'));
  const before = read();
  site.metadata.rotate();
  const ended = await site.run(['once', '--json', ...config]);
  const between = read();
  const { sinks } = reportOf(ended);
  const failures = sinks.filter(({ error }) => error);
  assert.equal(ended.code, failures.length > 0 ? 73 : 0);
  for (const [index, name] of SMALL.entries()) {
    const path = join(disk, name);
    const { error } = sinks.find((sink) => sink.path === path) ?? assert.fail(name);
    if (!error) {
      assert.ok(between[index]?.includes(site.metadata.current().token));
      continue;
    }
    assert.equal(error.message, `${path}: expected a complete write, got ENOSPC on ${call}`);
    assert.equal(between[index], before[index]);
  }
  assertCurrent(site, ['iam.json']);
  assert.equal(statusOf(site).sinks.filter(({ error }) => error).length, failures.length);
  return failures.length;
}

/** Fills a disk but for so many pages. */
function fill(directory: string, pages: number): void {
  const { bfree, bsize } = statfsSync(directory);
  const fd = openSync(join(directory, 'filler'), 'w');
  writeSync(fd, Buffer.alloc((bfree - pages) * bsize));
  closeSync(fd);
}

describe('a small disk', () => {
  test('that is full at each page boundary never leaves a short file', async (t) => {
    if (!hasOwnMounts(t)) return;
    const scene = await openSmallDisk(t, 'size=256k');
    const failed: number[] = [];
    await tally(t, 'ENOSPC at each page boundary', async (attempt) => {
      for (let pages = 0; failed.at(-1) !== 0 && pages < 16; pages++) {
        await attempt(async () => {
          fill(scene.disk, pages);
          failed.push(await survive(scene, 'write'));
          assert.deepEqual(readdirSync(scene.disk).sort(), [...SMALL, 'filler'].sort());
        });
        rmSync(join(scene.disk, 'filler'));
      }
    });
    assert.ok(failed[0] === 2 && failed.includes(1), `failures by free pages: ${String(failed)}`);
  });

  test('without inodes refuses at the first call, and takes the files when it has some', async (t) => {
    if (!hasOwnMounts(t)) return;
    const scene = await openSmallDisk(t, 'nr_inodes=8');
    const { ffree } = statfsSync(scene.disk);
    const fillers = Array.from({ length: ffree }, (_, index) => join(scene.disk, `filler${String(index)}`));
    for (const filler of fillers) writeFileSync(filler, '');
    await tally(t, 'inodes used up', async (attempt) => {
      for (const [index, failures] of [2, 1, 0].entries()) {
        await attempt(async () => {
          assert.equal(await survive(scene, 'open'), failures);
        });
        rmSync(fillers[index] ?? assert.fail());
      }
    });
  });
});

// Cause: the doctor found nothing, and check foresaw that all would be written.
test('a full disk is named by all that say how a host is', async (t) => {
  if (!hasOwnMounts(t)) return;
  const { site, disk, config } = await openSmallDisk(t, 'size=256k');
  fill(disk, 0);
  site.metadata.rotate();
  for (const [code, ...args] of [
    [73, 'once', '--every', '1h', ...config],
    [73, 'status'],
    [2, 'status', '--check'],
    [73, 'check', ...config],
    [73, 'plan', ...config],
    [78, 'doctor', ...config],
  ] as const) {
    const ended = await site.run(args);
    assert.deepEqual([args[0], ended.code], [args[0], code], ended.stdout);
    assert.match(onOneLine(ended.stdout), /\/credentials\b.* ENOSPC on write/);
  }
  rmSync(join(disk, 'filler'));
  for (const args of [
    ['check', ...config],
    ['once', '--every', '1h', ...config],
    ['status', '--check'],
  ])
    assert.equal((await site.run(args)).code, 0, args.join(' '));
});

// Cause: each file was foreseen to fit where all together do not, and inodes were not counted.
test('plan foresees the room for all files together, and for their inodes', async (t) => {
  if (!hasOwnMounts(t)) return;
  const foreseen = async ({ site, config }: Scene): Promise<readonly string[]> => {
    site.metadata.rotate();
    const { sinks = [] } = JSON.parse((await site.run(['plan', '--json', ...config])).stdout) as Report;
    return sinks.flatMap(({ error }) => /ENOSPC on \w+$/.exec(error?.message ?? '') ?? []);
  };
  const blocks = await openSmallDisk(t, 'size=256k');
  // Each file takes two.
  fill(blocks.disk, 3);
  assert.deepEqual(await foreseen(blocks), ['ENOSPC on write']);
  const inodes = await openSmallDisk(t, 'nr_inodes=8');
  for (let { ffree } = statfsSync(inodes.disk); ffree > 1; ffree--)
    writeFileSync(join(inodes.disk, `filler${ffree}`), '');
  assert.deepEqual(await foreseen(inodes), ['ENOSPC on open']);
});

test('a directory mounted read-only is written by the running agent when it is writable again', async (t) => {
  if (!hasOwnMounts(t)) return;
  const site = await openSite(t);
  const disk = ownMount(t);
  const path = join(disk, 'app.env');
  const agent = site.start(['run', ...configure(site, disk)]);
  await said(agent, /rotation 1: key/);
  const before = readFileSync(path);
  remount(disk, 'ro');
  site.metadata.rotate();
  assert.equal((await site.run(['refresh'])).code, 73);
  const { stdout } = await site.run(['status']);
  const failure = /app\.env: not up to date .*SINK_WRITE_FAILED: .* EROFS on \w+\) hint: the file system is read-only/;
  assert.match(onOneLine(stdout), failure);
  assert.deepEqual(readFileSync(path), before);
  assertCurrent(site, ['iam.json']);
  remount(disk, 'rw');
  await eventually('it is written', () => statusOf(site).sinks.every(({ error }) => !error));
  assert.ok(readFileSync(path, 'utf8').includes(site.metadata.current().accessKeyId));
});

test('a state directory that is really full costs the memory, and no more', async (t) => {
  if (!hasOwnMounts(t)) return;
  const site = await openSite(t);
  const hook = makeHook(t, site.path('hook'));
  const env = { STATE_DIRECTORY: tmpfs(t, 'size=64k,mode=0700') };
  const config = site.configure({
    sinks: [{ path: site.path('out/iam.json'), format: 'json', notify: ['hook'] }],
    consumers: { hook: { type: 'exec', command: hook.command } },
  });
  fill(env.STATE_DIRECTORY, 0);
  const full = await site.run(['once', '--json', ...config], { env });
  assert.deepEqual([full.code, reportOf(full).consumers[0]?.result], [73, 'notified']);
  assertCurrent(site, ['iam.json']);
  assert.deepEqual(
    statusOf(site).errors.map(({ code }) => code),
    ['STATE_UNWRITABLE'],
  );
  rmSync(join(env.STATE_DIRECTORY, 'filler'));
  assert.equal((await site.run(['once', ...config], { env })).code, 0);
  assert.deepEqual(statusOf(site).errors, []);
});

test('a disk that takes only so many bytes, for every number of bytes', async (t) => {
  await writeShort(t, 'short writes at every byte', 1);
});

test('every failure of every call that puts a file in place', async (t) => {
  await failEach(t, 'every errno at every call', EVERY_FAILURE);
});

for (const call of ['open', 'write', 'fsync', 'rename']) {
  test(`the running agent makes good a ${call} that failed for a while`, async (t) => {
    await failForAWhile(t, { call, errno: 'ENOSPC' });
  });
}
