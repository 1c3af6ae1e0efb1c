import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { attempt } from '../../src/core/errors.ts';
import { openDirectory, openFile } from '../../src/paths/policies.ts';
import { needsRoot } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BOB, directoryAt, fileAt, refused, self } from './looks.ts';

describe('a walk to a directory', () => {
  test('resolves symlinks, relative and absolute, and goes back by its own steps', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'a/b'), { recursive: true });
    symlinkSync('a/../a/./b', join(directory, 'relative'));
    symlinkSync(join(directory, 'relative'), join(directory, 'absolute'));
    for (const name of ['a/b', 'relative', 'absolute', 'relative/../b', 'absolute/../../a/b//.']) {
      assert.equal(directoryAt(`${directory}/${name}`), join(directory, 'a/b'), name);
    }
    const before = process.cwd();
    process.chdir(directory);
    try {
      assert.equal(directoryAt('relative/..'), join(directory, 'a'));
    } finally {
      process.chdir(before);
    }
    assert.equal(directoryAt('/../..'), '/');
  });

  test('names what is missing, outermost first, also behind a symlink', (t) => {
    const directory = tempDir(t);
    symlinkSync('a/b', join(directory, 'link'));
    assert.equal(directoryAt(join(directory, 'a/b/c')), `${directory} + a b c`);
    assert.equal(directoryAt(join(directory, 'link/c')), `${directory} + a b c`);
  });

  test('refuses loops, files on the way, and links out of what is not there', (t) => {
    const directory = tempDir(t);
    symlinkSync('loop', join(directory, 'loop'));
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('missing/../etc', join(directory, 'out'));
    refused(directoryAt(join(directory, 'loop')), /^SINK_UNREADABLE.*ELOOP/);
    refused(directoryAt(join(directory, 'file/a')), /^SINK_UNREADABLE.*ENOTDIR/);
    refused(directoryAt(join(directory, 'file')), /^SINK_UNREADABLE.*ENOTDIR/);
    refused(directoryAt(join(directory, 'out')), /^SINK_UNREADABLE.*ENOENT/);
  });

  test('closes every descriptor but the one that it gives', async (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'a/b/c'), { recursive: true });
    symlinkSync('a/b', join(directory, 'link'));
    // Where walks are shared, they keep the directories on their ways for a turn.
    await turn();
    const before = descriptors();
    {
      using found = openDirectory('sink', `${directory}/link/c/../../b`, self);
      assert.equal(found.kind, 'directory');
      await turn();
      assert.deepEqual(descriptors(), [...before, join(directory, 'a/b')].sort());
    }
    for (const path of ['/proc/self', join(directory, 'missing'), '/tmp', '/etc/passwd/x']) {
      openDirectory('sink', path, self)[Symbol.dispose]();
      openFile('sink', path, self)[Symbol.dispose]();
    }
    await turn();
    assert.deepEqual(descriptors(), before);
  });

  test('never leads through the file system of processes', () => {
    refused(directoryAt('/proc/self/root/etc'), /^SINK_UNSAFE_PATH \/proc: .*file system of processes/);
    refused(directoryAt('/dev/fd/3'), /processes/);
  });
});

describe('what belongs to another user', { skip: needsRoot }, () => {
  test('is that user’s in a directory of root alone, whatever it is, and nothing behind it is looked at', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'bob/root'), { recursive: true });
    chownSync(join(directory, 'bob'), BOB, BOB);
    for (const name of ['bob', 'bob/root', 'bob/none']) {
      assert.equal(directoryAt(join(directory, name)), `uid ${BOB} at ${directory}/bob`);
    }
    refused(directoryAt(join(directory, 'bob'), { uid: BOB + 1 }), /expected a path of root and uid 1001 alone/);
    refused(fileAt('own', join(directory, 'bob/x')), /^STATE_UNSAFE/);
    assert.equal(fileAt('pid_file', join(directory, 'bob/x')), `uid ${BOB} at ${directory}/bob`);
  });

  test('is followed where it is a link in a directory of root alone, who made or left it there', (t) => {
    const directory = tempDir(t);
    symlinkSync('.', join(directory, 'link'));
    lchownSync(join(directory, 'link'), BOB, BOB);
    assert.equal(directoryAt(join(directory, 'link')), directory);
  });

  test('is a file: its owner’s word for a pid file, refused else', (t) => {
    const file = join(tempDir(t), 'app.pid');
    writeFileSync(file, '1');
    chownSync(file, BOB, BOB);
    assert.equal(fileAt('pid_file', file), `uid ${BOB} at ${file}`);
    refused(fileAt('program', file), /uid 1000$/);
  });
});

describe('a walk to a file', () => {
  test('follows a symlink at its end', (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('file', join(directory, 'link'));
    symlinkSync('none', join(directory, 'dangling'));
    assert.equal(fileAt('program', join(directory, 'link')), join(directory, 'file'));
    assert.equal(fileAt('program', join(directory, 'dangling')), 'absent');
    assert.equal(fileAt('program', join(directory, 'no/file')), 'absent');
    refused(fileAt('program', directory), /^CONSUMER_UNINSPECTABLE .*expected a file, got EISDIR/);
    refused(fileAt('program', join(directory, 'file/x')), /ENOTDIR/);
  });

  test('refuses one that others can write', (t) => {
    const file = join(tempDir(t), 'file');
    writeFileSync(file, '');
    chmodSync(file, 0o664);
    refused(fileAt('configuration', file), /^CONFIG_UNSAFE .*file: .*got mode 0664$/);
    chmodSync(file, 0o606);
    refused(fileAt('configuration', file), /got mode 0606$/);
  });
});

/** The files and directories that are open. Pipes and the like come and go with the threads of the runner. */
function descriptors(): readonly string[] {
  const targets = readdirSync('/proc/self/fd').map((fd) => attempt(() => readlinkSync(`/proc/self/fd/${fd}`), ''));
  return targets.filter((target) => target.startsWith('/') && !/^\/proc\/\d+\/fd$|^\/dev\//.test(target)).sort();
}
