import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { tempDir } from '../support/temp-dir.ts';

const files = createAtomicFiles();
const LIBRARY = createRequire(import.meta.url).resolve('write-file-atomic');

describe('replacing a file', () => {
  test('puts what the hook wrote in place of the old file', async (t) => {
    const path = join(tempDir(t), 'file');
    writeFileSync(path, 'old');
    await files.replace(path, async (temp) => {
      await Promise.resolve();
      assert.equal(readFileSync(path, 'utf8'), 'old');
      writeFileSync(temp, 'new');
    });
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.deepEqual(readdirSync(join(path, '..')), ['file']);
  });

  test('a hook that fails leaves the old file, removes the temp file, and its error comes out', async (t) => {
    const path = join(tempDir(t), 'file');
    writeFileSync(path, 'old');
    const failure = new Error('hook');
    const replacing = files.replace(path, (temp) => {
      writeFileSync(temp, 'half');
      return Promise.reject(failure);
    });
    await assert.rejects(replacing, failure);
    assert.equal(readFileSync(path, 'utf8'), 'old');
    assert.deepEqual(readdirSync(join(path, '..')), ['file']);
  });

  test('goes through a symlinked directory', async (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'real'));
    symlinkSync('real', join(directory, 'link'));
    await files.replace(join(directory, 'link/file'), write('new'));
    assert.equal(readFileSync(join(directory, 'real/file'), 'utf8'), 'new');
  });
});

// Each of these is something that write-file-atomic 8.0.0 does when it is left to itself.
describe('traps of write-file-atomic', () => {
  test('a planted symlink under its temp name, which can be guessed, never gets a byte', async (t) => {
    const directory = tempDir(t);
    const path = join(directory, 'file');
    const victim = join(directory, 'victim');
    symlinkSync(victim, nextTempName(path));
    await assert.rejects(files.replace(path, write('secret')), { code: 'EEXIST' });
    assert.equal(readFileSync(victim, 'utf8'), '');
    assert.deepEqual(readdirSync(directory), ['victim']);
  });

  test('a hard link under its temp name never gets a byte', async (t) => {
    const directory = tempDir(t);
    const path = join(directory, 'file');
    const victim = join(directory, 'victim');
    writeFileSync(victim, '', { mode: 0o600 });
    linkSync(victim, nextTempName(path));
    await assert.rejects(files.replace(path, write('secret')), { code: 'EEXIST' });
    assert.equal(readFileSync(victim, 'utf8'), '');
  });

  test('a leftover that others can read is not filled, and the next try takes another name', async (t) => {
    const directory = tempDir(t);
    const path = join(directory, 'file');
    const leftover = nextTempName(path);
    writeFileSync(leftover, 'left over');
    chmodSync(leftover, 0o640);
    await assert.rejects(files.replace(path, write('secret')), { code: 'EEXIST' });
    await files.replace(path, write('new'));
    assert.equal(readFileSync(path, 'utf8'), 'new');
  });

  test('a symlinked destination is not followed', async (t) => {
    const directory = tempDir(t);
    // The temp name of the second begins like the one that is expected for the link.
    for (const victim of ['victim', 'link.5']) {
      writeFileSync(join(directory, victim), 'precious');
      const link = join(directory, 'link');
      symlinkSync(victim, link);
      await assert.rejects(files.replace(link, write('secret')), { code: 'EEXIST' });
      assert.equal(readFileSync(join(directory, victim), 'utf8'), 'precious');
      spawnSync('rm', [link]);
    }
  });

  test('owner and mode of the old file, or of the call, are not put over those that the hook set', async (t) => {
    const path = join(tempDir(t), 'file');
    for (const mode of [0o640, 0o600, 0o444]) {
      await files.replace(path, (temp) => {
        chmodSync(temp, mode);
        return Promise.resolve();
      });
      assert.equal(statSync(path).mode & 0o7777, mode);
    }
  });

  for (const umask of [0o000, 0o077, 0o777]) {
    test(`under umask ${umask.toString(8)} the temp file is its owner's alone, and can be opened`, async (t) => {
      const path = join(tempDir(t), 'file');
      const before = process.umask(umask);
      t.after(() => process.umask(before));
      await files.replace(path, (temp) => {
        assert.equal(statSync(temp).mode & 0o7777, 0o600);
        writeFileSync(temp, 'new', { flag: 'r+' });
        return Promise.resolve();
      });
    });
  }

  test('while it writes, the file size limit does not end the process (signal-exit takes SIGXFSZ)', (t) => {
    if (spawnSync('prlimit', ['--version']).status !== 0) {
      t.skip('needs prlimit of util-linux');
      return;
    }
    const path = join(tempDir(t), 'file');
    const source = join(import.meta.dirname, '../../src/system/atomic-files.ts');
    const program = `
      import { writeFileSync } from 'node:fs';
      import { createAtomicFiles } from ${JSON.stringify(source)};
      const write = async (temp) => writeFileSync(temp, 'x'.repeat(200));
      await createAtomicFiles().replace(${JSON.stringify(path)}, write).catch((error) => console.log(error.code));
      console.log('alive');`;
    const args = ['--fsize=100', process.execPath, '--input-type=module', '--eval', program];
    const { stdout, signal } = spawnSync('prlimit', args, { encoding: 'utf8' });
    assert.deepEqual({ stdout, signal }, { stdout: 'EFBIG\nalive\n', signal: null });
    assert.deepEqual(readdirSync(join(path, '..')), []);
  });
});

function write(text: string): (temp: string) => Promise<void> {
  return (temp) => {
    writeFileSync(temp, text);
    return Promise.resolve();
  };
}

/** The name that the library takes next, found as an attacker would: it counts its calls. */
function nextTempName(path: string): string {
  const library = createRequire(import.meta.url)(LIBRARY) as { _getTmpname: (path: string) => string };
  const last = library._getTmpname(path);
  let count = 0;
  while (tempName(path, count) !== last) count++;
  return tempName(path, count + 1);
}

function tempName(path: string, count: number): string {
  const hash = createHash('sha1');
  for (const part of [LIBRARY, String(process.pid), '0', String(count)]) hash.update(part);
  return `${path}.${String(hash.digest().readUInt32BE(0))}`;
}
