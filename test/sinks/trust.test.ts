import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { examineDirectory, judge, type ActingIdentity, type Component } from '../../src/sinks/trust.ts';
import { tempDir } from '../support/temp-dir.ts';

const BOB = 1000;
const EVE = 1001;
const ROOT: Component = { path: '/', uid: 0, isShared: false, isSticky: false };
const TMP: Component = { path: '/tmp', uid: 0, isShared: true, isSticky: true };
const self = process.geteuid?.() ?? 0;

describe('who may write', () => {
  test('root where all belongs to root; on a path of one other user, that user, never root', () => {
    assert.deepEqual(judge([ROOT, owned('/etc', 0)], 0), { kind: 'self' });
    assert.deepEqual(judge([ROOT, owned('/home/bob', BOB)], 0), { kind: 'user', uid: BOB });
    // Bob can rename the directory that root owns below his own.
    const below = [ROOT, owned('/home/bob', BOB), owned('/home/bob/.aws', 0)];
    assert.deepEqual(judge(below, 0), { kind: 'user', uid: BOB });
  });

  test('an ordinary user where all belongs to root and to itself', () => {
    assert.deepEqual(judge([ROOT, owned('/home/bob', BOB)], BOB), { kind: 'self' });
    refused(judge([ROOT, owned('/home/eve', EVE)], BOB), /^\/home\/eve: .*uid 1001$/);
    refused(judge([ROOT, owned('/home/eve', EVE), owned('/home/eve/bob', BOB)], BOB), /^\/home\/eve: /);
  });

  test('nobody on a path of two users', () => {
    refused(judge([ROOT, owned('/home/bob', BOB), owned('/home/bob/eve', EVE)], 0), /^\/home\/bob\/eve: /);
  });

  test('nobody below a directory that others can write', () => {
    refused(judge([ROOT, { ...owned('/srv', 0), isShared: true }, owned('/srv/app', 0)], 0), /^\/srv: .*others can$/);
  });

  test('a sticky directory is neutral on the way, by the owner of what follows, and no place for a sink', () => {
    assert.deepEqual(judge([ROOT, TMP, owned('/tmp/a', 0)], 0), { kind: 'self' });
    assert.deepEqual(judge([ROOT, TMP, owned('/tmp/a', BOB)], 0), { kind: 'user', uid: BOB });
    refused(judge([ROOT, TMP, owned('/tmp/a', EVE)], BOB), /^\/tmp\/a: /);
    refused(judge([ROOT, TMP], 0), /^\/tmp: .*everybody can make files$/);
  });
});

describe('examining a directory', () => {
  test('resolves symlinks, relative and absolute', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'a/b'), { recursive: true });
    symlinkSync('a/../a/./b', join(directory, 'relative'));
    symlinkSync(join(directory, 'relative'), join(directory, 'absolute'));
    const expected = { path: join(directory, 'a/b'), missing: [], identity: { kind: 'self' } };
    for (const name of ['a/b', 'relative', 'absolute']) {
      assert.deepEqual(examineDirectory(join(directory, name), self), expected, name);
    }
  });

  test('names what is missing, outermost first, also behind a symlink', (t) => {
    const directory = tempDir(t);
    symlinkSync('a/b', join(directory, 'link'));
    const missing = ['a', 'a/b', 'a/b/c'].map((name) => join(directory, name));
    const expected = { path: join(directory, 'a/b/c'), missing, identity: { kind: 'self' } };
    assert.deepEqual(examineDirectory(join(directory, 'a/b/c'), self), expected);
    assert.deepEqual(examineDirectory(join(directory, 'link/c'), self), expected);
  });

  test('refuses the temporary directory itself, by whatever link it is reached', (t) => {
    const directory = tempDir(t);
    symlinkSync('..', join(directory, 'up'));
    const { identity } = examineDirectory(join(directory, 'up'), self);
    assert.equal(identity.kind, 'refused');
    refused(examineDirectory(join(tmpdir(), 'credrotate-missing'), self).identity, /everybody can make files$/);
  });

  test('refuses a symlink by way of a directory that others can write', (t) => {
    const directory = tempDir(t);
    for (const name of ['shared', 'safe']) mkdirSync(join(directory, name));
    chmodSync(join(directory, 'shared'), 0o770);
    symlinkSync('../safe', join(directory, 'shared/link'));
    refused(examineDirectory(join(directory, 'shared/link'), self).identity, /shared: .*others can$/);
    symlinkSync('shared/link', join(directory, 'link'));
    refused(examineDirectory(join(directory, 'link'), self).identity, /shared: .*others can$/);
  });

  test('refuses loops, files on the way, and links out of what is not there', (t) => {
    const directory = tempDir(t);
    symlinkSync('loop', join(directory, 'loop'));
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('missing/../etc', join(directory, 'out'));
    refused(examineDirectory(join(directory, 'loop'), self).identity, /ELOOP/);
    refused(examineDirectory(join(directory, 'file/a'), self).identity, /ENOTDIR/);
    refused(examineDirectory(join(directory, 'out'), self).identity, /ENOENT/);
  });

  test('names the user of a directory and of a symlink', (t) => {
    if (self !== 0) {
      t.skip('needs root: gives a directory to another user');
      return;
    }
    const directory = tempDir(t);
    mkdirSync(join(directory, 'bob/root'), { recursive: true });
    chownSync(join(directory, 'bob'), BOB, BOB);
    assert.deepEqual(examineDirectory(join(directory, 'bob/root'), self).identity, { kind: 'user', uid: BOB });
  });
});

function owned(path: string, uid: number): Component {
  return { path, uid, isShared: false, isSticky: false };
}

function refused(identity: ActingIdentity, message: RegExp): void {
  assert.equal(identity.kind, 'refused');
  assert.match(identity.error.message, message);
  assert.ok(identity.error.hint);
}
