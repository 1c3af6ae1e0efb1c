import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { mayHaveAcl } from '../../src/paths/libc.ts';
import { openDirectory } from '../../src/paths/policies.ts';
import { needsRoot } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BOB, directoryAt, fileAt, refused, self } from './looks.ts';

test('an access list that cannot be read may be there', () => {
  // No such descriptor: the kernel tells nothing.
  assert.equal(mayHaveAcl(999_999), true);
});

describe('in a directory in which others make entries', () => {
  const shared = (t: TestContext, mode: number): string => {
    const directory = join(tempDir(t), 'shared');
    mkdirSync(directory);
    mkdirSync(join(directory, 'app'));
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('app', join(directory, 'link'));
    symlinkSync('shared/app', join(directory, '../to-app'));
    symlinkSync('shared/link', join(directory, '../to-link'));
    chmodSync(directory, mode);
    return directory;
  };

  test('nothing counts, unless only the owner of an entry can replace it', (t) => {
    for (const mode of [0o770, 0o777, 0o772]) {
      const directory = shared(t, mode);
      for (const name of ['', 'app', 'link', 'new', '../to-app', '../to-link']) {
        refused(directoryAt(join(directory, name)), /^SINK_UNSAFE_PATH \S+\/shared: .*others can$/);
      }
    }
  });

  test('a directory of root or of the agent counts below a sticky one, and nothing else', (t) => {
    const directory = shared(t, 0o1777);
    assert.equal(directoryAt(join(directory, 'app')), join(directory, 'app'));
    assert.equal(directoryAt(join(directory, '../to-app')), join(directory, 'app'));
    refused(
      directoryAt(join(directory, 'link')),
      /link: expected a directory, got a symlink where others make entries/,
    );
    refused(directoryAt(join(directory, '../to-link')), /link: .*got a symlink/);
    refused(fileAt('configuration', join(directory, 'file')), /^CONFIG_UNSAFE .*file: .*got a file where others/);
    refused(directoryAt(directory), /everybody can make files$/);
    refused(directoryAt(join(directory, 'new')), /everybody can make files$/);
    refused(directoryAt('/tmp/credrotate-missing'), /everybody can make files$/);
  });

  test('what another owns below a sticky one is no more than a claim', { skip: needsRoot }, (t) => {
    const directory = shared(t, 0o1777);
    chownSync(join(directory, 'app'), BOB, BOB);
    assert.equal(directoryAt(join(directory, 'app/deep')), `uid ${BOB} by claim at ${directory}/app`);
    refused(fileAt('program', join(directory, 'app/x')), /^CONSUMER_UNSAFE .*app: expected a path of root alone/);
    assert.equal(directoryAt(join(directory, 'app/deep'), { uid: BOB }), `${directory}/app + deep`);
  });

  test('members of a trusted group are as good as the owner, but for links', (t) => {
    const directory = shared(t, 0o770);
    const gid = process.getegid?.() ?? 0;
    const trusting = { ...self, groups: [gid] };
    assert.equal(directoryAt(directory, trusting), directory);
    assert.equal(directoryAt(join(directory, 'app/x'), trusting), `${directory}/app + x`);
    refused(directoryAt(join(directory, 'link'), trusting), /got a symlink/);
    refused(directoryAt(directory, { ...self, groups: [gid + 1] }), /others can$/);
    chmodSync(directory, 0o772);
    refused(directoryAt(directory, trusting), /others can$/);
  });

  test('the remedy can be pasted into a shell, whoever named the directory', (t) => {
    const directory = join(tempDir(t), 'x; reboot #');
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    using found = openDirectory('sink', directory, self);
    assert.ok(found.kind === 'refused');
    assert.match(found.error.hint ?? '', /^sudo chmod go-w '\S+\/x; reboot #', or/);
  });
});
