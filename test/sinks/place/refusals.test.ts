import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { DotenvSink } from '../../../src/core/config.ts';
import type { ErrorCode } from '../../../src/core/errors.ts';
import type { SinkOutcome } from '../../../src/core/outcomes.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import { testAsOrdinaryUser } from '../../support/ordinary-user.ts';
import { applyRequest, sinkAt, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';

const BOB = 65533;
const uid = process.geteuid?.() ?? 0;
const deps = sinkDeps();

describe('a sink is refused, and left alone,', () => {
  test('when it is a symlink, and its target is not touched', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(`${path}.target`, 'precious');
    symlinkSync('a.target', path);
    refused(await apply(sinkAt(path)), 'SINK_NOT_REGULAR', /got a symlink$/);
    assert.equal(readFileSync(`${path}.target`, 'utf8'), 'precious');
    assert.ok(lstatSync(path).isSymbolicLink());
  });

  test('when it is a FIFO, on which opening would wait for a writer', async (t) => {
    const path = join(tempDir(t), 'a');
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    refused(await apply(sinkAt(path)), 'SINK_NOT_REGULAR', /got a FIFO$/);
  });

  test('when it is a directory or a device', async (t) => {
    const path = join(tempDir(t), 'a');
    mkdirSync(path);
    refused(await apply(sinkAt(path)), 'SINK_NOT_REGULAR', /got a directory$/);
    if (lstatSync('/dev').uid === 0) refused(await apply(sinkAt('/dev/null')), 'SINK_NOT_REGULAR', /got a device/);
  });

  test('when it is larger than any credentials file', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, '');
    truncateSync(path, 1024 * 1024 + 1);
    refused(await apply(sinkAt(path)), 'SINK_TOO_LARGE', /expected at most 1048576 bytes, got 1048577$/);
  });

  test('when its owner or group is nobody', async (t) => {
    const path = join(tempDir(t), 'a');
    refused(await apply(sinkAt(path, { owner: 'no such' })), 'SINK_OWNER_UNKNOWN', /a: owner: .*got no such$/);
    refused(await apply(sinkAt(path, { group: 'no such' })), 'SINK_OWNER_UNKNOWN', /a: group: .*got no such$/);
  });

  test('when the user database does not answer', async (t) => {
    const broken = { code: 'ETIMEDOUT', syscall: 'getent' };
    const fail = (): Promise<never> => Promise.reject(Object.assign(new Error('hangs'), broken));
    const sinks = [sinkAt(join(tempDir(t), 'a'), { owner: 'alice' })];
    const { outcomes } = await applySinks(
      sinkDeps({ users: { user: fail, group: fail, isMember: fail } }),
      applyRequest(sinks),
    );
    refused(outcomes[0], 'SINK_OWNER_UNKNOWN', /ETIMEDOUT on getent$/);
  });

  testAsOrdinaryUser(import.meta.filename, 'when an ordinary user cannot give it away', async (t) => {
    const path = join(tempDir(t), 'a');
    refused(await apply(sinkAt(path, { owner: 'root' })), 'SINK_OWNER_DENIED', /got 0:0$/);
    refused(await apply(sinkAt(path, { group: 0 })), 'SINK_OWNER_DENIED', /:0$/);
    assert.deepEqual(readdirSync(join(path, '..')), []);
  });

  test('in a directory that others can write', async (t) => {
    const directory = tempDir(t);
    for (const mode of [0o770, 0o702, 0o1777]) {
      chmodSync(directory, mode);
      refused(await apply(sinkAt(join(directory, 'a'))), 'SINK_UNSAFE_PATH', /a: /);
      refused(await apply(sinkAt(join(directory, 'made/a'))), 'SINK_UNSAFE_PATH', /a: /);
    }
    assert.deepEqual(readdirSync(directory), []);
  });

  test('in a directory of another user', async (t) => {
    if (uid !== 0) {
      t.skip('needs root: gives a directory to another user');
      return;
    }
    const directory = tempDir(t);
    mkdirSync(join(directory, 'bob/root'), { recursive: true });
    chownSync(join(directory, 'bob'), BOB, BOB);
    refused(
      await apply(sinkAt(join(directory, 'bob/root/a'))),
      'SINK_UNSAFE_PATH',
      /bob: expected a path of root alone, got a part of it owned by uid \d+$/,
    );
    assert.deepEqual(readdirSync(join(directory, 'bob/root')), []);
  });

  test('when it is the file of another sink by way of a symlink', async (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'real'));
    symlinkSync('real', join(directory, 'link'));
    const sinks = ['real/a', 'link/a'].map((name) => sinkAt(join(directory, name)));
    const { outcomes } = await applySinks(deps, applyRequest(sinks));
    assert.equal(outcomes[0]?.result, 'written');
    refused(outcomes[1], 'SINK_UNSAFE_PATH', /link\/a: expected a file of its own, got that of .*real\/a$/);
  });
});

test('root gives a sink to its owner and group, by number and by name', async (t) => {
  if (uid !== 0) {
    t.skip('needs root: gives files to another user');
    return;
  }
  const path = join(tempDir(t), 'a');
  const users = {
    user: () => Promise.resolve({ uid: BOB, gid: BOB - 1 }),
    group: () => Promise.resolve(BOB - 2),
    isMember: () => Promise.resolve(false),
  };
  for (const [owner, group, gid] of [
    ['bob', undefined, BOB - 1],
    [BOB, 'staff', BOB - 2],
  ] as const) {
    const sink = sinkAt(path, { owner, ...(group === undefined ? {} : { group }) });
    const { outcomes } = await applySinks(sinkDeps({ users }), applyRequest([sink]));
    assert.equal(outcomes[0]?.result, 'written');
    assert.deepEqual([lstatSync(path).uid, lstatSync(path).gid], [BOB, gid]);
  }
});

testAsOrdinaryUser(import.meta.filename, 'a sink that cannot be read names its path and the way out', async (t) => {
  const path = join(tempDir(t), 'a');
  writeFileSync(path, '', { mode: 0o000 });
  const { result, error } = await apply(sinkAt(path));
  assert.equal(result, 'failed');
  assert.deepEqual(error, {
    code: 'SINK_UNREADABLE',
    message: `${path}: expected a readable file, got EACCES on open`,
    hint: 'give the file and its directory to the user who writes there (chown), or run the agent as their owner',
  });
});

async function apply(sink: DotenvSink): Promise<SinkOutcome> {
  const { outcomes } = await applySinks(deps, applyRequest([sink]));
  return outcomes[0] ?? assert.fail('no outcome');
}

function refused(outcome: SinkOutcome | undefined, code: ErrorCode, message: RegExp): void {
  assert.partialDeepStrictEqual(outcome, { result: 'refused', bytesChanged: false, error: { code } });
  assert.match(outcome?.error?.message ?? '', message);
  assert.ok(outcome?.error?.hint);
}
