import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { tryLock } from '../../src/system/descriptors.ts';
import { needsRoot, NOBODY } from '../support/consumer.ts';
import { ownDirectory } from '../support/own.ts';
import { tempDir } from '../support/temp-dir.ts';

const TEXT = Buffer.from('ours\n');

describe('a directory of the agent’s own', () => {
  test('is made where it is missing, and what is written there is read again', async (t) => {
    const path = join(tempDir(t), 'new', 'state');
    const directory = ownDirectory(path);
    assert.equal(directory.has('a'), false);
    assert.equal(directory.read('a'), undefined);
    assert.equal(existsSync(path), false);
    await directory.write('a', { bytes: TEXT, mode: 0o640 });
    assert.deepEqual([directory.has('a'), directory.read('a')], [true, TEXT]);
    assert.equal(statSync(join(path, 'a')).mode & 0o7777, 0o640);
    directory.remove('a');
    directory.remove('a');
    assert.deepEqual(readdirSync(path), []);
  });

  // Cause: STATE_DIRECTORY and RUNTIME_DIRECTORY were trusted unseen, and systemd sets them for every command of a unit.
  describe('where others can change it', { skip: needsRoot }, () => {
    const others: Readonly<Record<string, (base: string) => string>> = {
      'a user’s': (base) => {
        chownSync(base, NOBODY, NOBODY);
        return base;
      },
      'root’s own inside a user’s': (base) => {
        mkdirSync(join(base, 'root'));
        chownSync(base, NOBODY, NOBODY);
        return join(base, 'root');
      },
      'yet to be made inside a user’s': (base) => {
        chownSync(base, NOBODY, NOBODY);
        return join(base, 'not-yet');
      },
      'one that everybody can write': (base) => {
        chmodSync(base, 0o777);
        return base;
      },
      'one that is sticky': (base) => {
        chmodSync(base, 0o1777);
        return base;
      },
      'one that a group can write': (base) => {
        chmodSync(base, 0o775);
        return base;
      },
      'behind a user’s link': (base) => {
        mkdirSync(join(base, 'links'));
        mkdirSync(join(base, 'real'));
        symlinkSync('../real', join(base, 'links', 'link'));
        chownSync(join(base, 'links'), NOBODY, NOBODY);
        return join(base, 'links', 'link');
      },
    };
    for (const [name, make] of Object.entries(others)) {
      test(name, async (t) => {
        const path = make(tempDir(t));
        if (existsSync(path)) writeFileSync(join(path, 'planted'), 'not ours');
        const directory = ownDirectory(path);
        const refused = { code: 'STATE_UNSAFE' };
        assert.throws(() => directory.open(), refused);
        await assert.rejects(directory.write('a', { bytes: TEXT, mode: 0o600 }), refused);
        assert.throws(() => {
          directory.remove('planted');
        }, refused);
        if (existsSync(path)) {
          assert.throws(() => directory.read('planted'), refused);
          assert.deepEqual(readdirSync(path), ['planted']);
        }
      });
    }
  });

  test('what a link under the name of a file leads to stays', async (t) => {
    const path = tempDir(t);
    const victim = join(tempDir(t), 'victim');
    writeFileSync(victim, 'root’s', { mode: 0o600 });
    symlinkSync(victim, join(path, 'status.json'));
    await ownDirectory(path).write('status.json', { bytes: TEXT, mode: 0o644 });
    assert.equal(readFileSync(join(path, 'status.json'), 'utf8'), 'ours\n');
    assert.equal(readFileSync(victim, 'utf8'), 'root’s');
    assert.equal(statSync(victim).mode & 0o777, 0o600);
  });

  test('the lock makes no file where a link of its name leads', (t) => {
    const path = tempDir(t);
    symlinkSync(join(path, 'elsewhere'), join(path, 'lock'));
    using directory = ownDirectory(path).open();
    assert.throws(() => tryLock(directory, 'lock'), { code: 'ELOOP' });
    assert.equal(existsSync(join(path, 'elsewhere')), false);
  });

  test('the lock is one process’s', (t) => {
    using directory = ownDirectory(tempDir(t)).open();
    const first = tryLock(directory, 'lock');
    assert.equal(tryLock(directory, 'lock'), undefined);
    first?.[Symbol.dispose]();
    using second = tryLock(directory, 'lock');
    assert.ok(second);
  });
});
