import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { examineDirectory, judge, type Component, type Examined, type Walk } from '../../src/sinks/trust.ts';
import { trustIn } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';

const BOB = 1000;
const ROOT: Component = { path: '/', gid: 0, sharedWith: 'nobody', isSticky: false };
const TMP: Component = { path: '/tmp', gid: 0, sharedWith: 'all', isSticky: true };
const self = process.geteuid?.() ?? 0;

describe('who may write', () => {
  test('whoever looks, where all belongs to root and to him', () => {
    assert.deepEqual(judge(walked(ROOT, at('/etc')), 0), { kind: 'self', path: '/etc', missing: [] });
    assert.deepEqual(judge(walked(ROOT, at('/home/bob')), BOB), { kind: 'self', path: '/home/bob', missing: [] });
  });

  test('for root, the first other owner; for others, nobody', () => {
    const walk: Walk = { ...walked(ROOT, at('/home')), foreign: { path: '/home/bob', uid: BOB } };
    assert.deepEqual(judge(walk, 0), { kind: 'user', uid: BOB });
    refused(judge(walk, BOB + 1), /^\/home\/bob: .*root and uid 1001 alone, .*uid 1000$/);
  });

  test('nobody below a directory that others can write, not even another owner', () => {
    for (const sharedWith of ['group', 'all'] as const) {
      const walk = walked(ROOT, { ...at('/srv'), sharedWith }, at('/srv/app'));
      refused(judge(walk, 0), /^\/srv: .*others can$/);
      refused(judge({ ...walk, foreign: { path: '/srv/app/bob', uid: BOB } }, 0), /^\/srv: .*others can$/);
    }
  });

  test('a sticky directory is neutral on the way, and no place for a sink', () => {
    assert.equal(judge(walked(ROOT, TMP, at('/tmp/a')), 0).kind, 'self');
    const foreign = { path: '/tmp/a', uid: BOB };
    assert.deepEqual(judge({ ...walked(ROOT, TMP), foreign }, 0), { kind: 'user', uid: BOB });
    refused(judge({ ...walked(ROOT, TMP), foreign }, BOB + 1), /^\/tmp\/a: /);
    refused(judge(walked(ROOT, TMP), 0), /^\/tmp: .*everybody can make files$/);
  });
});

describe('examining a directory', () => {
  test('resolves symlinks, relative and absolute', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'a/b'), { recursive: true });
    symlinkSync('a/../a/./b', join(directory, 'relative'));
    symlinkSync(join(directory, 'relative'), join(directory, 'absolute'));
    const expected = { kind: 'self', path: join(directory, 'a/b'), missing: [] };
    for (const name of ['a/b', 'relative', 'absolute']) {
      assert.deepEqual(examineDirectory(join(directory, name), trustIn()), expected, name);
    }
  });

  test('names what is missing, outermost first, also behind a symlink', (t) => {
    const directory = tempDir(t);
    symlinkSync('a/b', join(directory, 'link'));
    const missing = ['a', 'a/b', 'a/b/c'].map((name) => join(directory, name));
    const expected = { kind: 'self', path: join(directory, 'a/b/c'), missing };
    assert.deepEqual(examineDirectory(join(directory, 'a/b/c'), trustIn()), expected);
    assert.deepEqual(examineDirectory(join(directory, 'link/c'), trustIn()), expected);
  });

  test('refuses the temporary directory itself, by whatever link it is reached', (t) => {
    const directory = tempDir(t);
    symlinkSync('..', join(directory, 'up'));
    refused(examineDirectory(join(directory, 'up'), trustIn()), /everybody can make files$/);
    refused(examineDirectory(join(tmpdir(), 'credrotate-missing'), trustIn()), /everybody can make files$/);
  });

  test('refuses a symlink by way of a directory that others can write', (t) => {
    const directory = tempDir(t);
    for (const name of ['shared', 'safe']) mkdirSync(join(directory, name));
    chmodSync(join(directory, 'shared'), 0o770);
    symlinkSync('../safe', join(directory, 'shared/link'));
    refused(examineDirectory(join(directory, 'shared/link'), trustIn()), /shared: .*others can$/);
    symlinkSync('shared/link', join(directory, 'link'));
    refused(examineDirectory(join(directory, 'link'), trustIn()), /shared: .*others can$/);
  });

  test('gives a remedy that can be pasted into a shell, whoever named the directory', (t) => {
    const directory = join(tempDir(t), 'x; reboot #');
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    refused(examineDirectory(directory, trustIn()), /others can$/, /^sudo chmod go-w '\S+\/x; reboot #', or/);
  });

  test('lets a trusted group write, but neither everybody nor whom an ACL names', (t) => {
    const directory = tempDir(t);
    chmodSync(directory, 0o770);
    const gid = process.getegid?.() ?? 0;
    refused(examineDirectory(directory, trustIn([gid + 1])), /others can$/, new RegExp(`list its group ${gid} in`));
    assert.equal(examineDirectory(directory, trustIn([gid])).kind, 'self');
    // The file system of the test may have no ACLs; what the kernel would say is all that matters here.
    const withAcl = { ...trustIn([gid]), security: { hasAcl: () => true } };
    refused(examineDirectory(directory, withAcl), /others can$/);
    chmodSync(directory, 0o772);
    refused(examineDirectory(directory, trustIn([gid])), /others can$/);
  });

  test('refuses loops, files on the way, and links out of what is not there', (t) => {
    const directory = tempDir(t);
    symlinkSync('loop', join(directory, 'loop'));
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('missing/../etc', join(directory, 'out'));
    refused(examineDirectory(join(directory, 'loop'), trustIn()), /ELOOP/);
    refused(examineDirectory(join(directory, 'file/a'), trustIn()), /ENOTDIR/);
    refused(examineDirectory(join(directory, 'out'), trustIn()), /ENOENT/);
  });

  test('names the user of a directory and of a symlink, and looks no further', (t) => {
    if (self !== 0) {
      t.skip('needs root: gives a directory to another user');
      return;
    }
    const directory = tempDir(t);
    mkdirSync(join(directory, 'bob/root'), { recursive: true });
    chownSync(join(directory, 'bob'), BOB, BOB);
    for (const name of ['bob', 'bob/root', 'bob/none']) {
      assert.deepEqual(examineDirectory(join(directory, name), trustIn()), { kind: 'user', uid: BOB }, name);
    }
  });
});

function at(path: string): Component {
  return { ...ROOT, path };
}

function walked(...components: readonly Component[]): Walk {
  return { path: components.at(-1)?.path ?? '', missing: [], components };
}

function refused(examined: Examined, message: RegExp, hint = /./): void {
  assert.ok(examined.kind === 'refused');
  assert.match(examined.error.message, message);
  assert.match(examined.error.hint ?? '', hint);
}
