import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs, {
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { TempHandle } from '../../src/core/contracts.ts';
import { makeDirectory } from '../../src/paths/policies.ts';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { needsRoot } from '../support/consumer.ts';
import { FROM_SOURCE } from '../support/from-source.ts';
import { tempDir } from '../support/temp-dir.ts';

const files = createAtomicFiles();

describe('replacing a file', () => {
  test('puts what the hook wrote in place of the old file', async (t) => {
    const path = join(tempDir(t), 'file');
    writeFileSync(path, 'old');
    await files.replace(path, async ({ fd }) => {
      await Promise.resolve();
      assert.equal(readFileSync(path, 'utf8'), 'old');
      writeFileSync(fd, 'new');
    });
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.deepEqual(readdirSync(join(path, '..')), ['file']);
  });

  test('a hook that fails leaves the old file, removes the temp file, and its error comes out', async (t) => {
    const path = join(tempDir(t), 'file');
    writeFileSync(path, 'old');
    const failure = new Error('hook');
    const replacing = files.replace(path, ({ fd }) => {
      writeFileSync(fd, 'half');
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
  for (const [what, plant] of Object.entries({
    'a symlink': (name: string, victim: string) => {
      symlinkSync(victim, name);
    },
    'a hard link': (name: string, victim: string) => {
      linkSync(victim, name);
    },
    'a leftover': (name: string) => {
      writeFileSync(name, 'left over', { mode: 0o640 });
    },
  })) {
    test(`${what} under its temp name gets no byte and is not removed, and the next try takes another name`, async (t) => {
      const directory = tempDir(t);
      const path = join(directory, 'file');
      const victim = join(directory, 'victim');
      writeFileSync(victim, 'precious');
      const random = t.mock.method(Math, 'random', () => 0.25);
      const planted = `.file.${2 ** 30}.crtmp`;
      plant(join(directory, planted), victim);
      await assert.rejects(files.replace(path, write('secret')), { code: 'EEXIST' });
      assert.equal(readFileSync(victim, 'utf8'), 'precious');
      assert.deepEqual(readdirSync(directory), [planted, 'victim']);
      random.mock.restore();
      await files.replace(path, write('new'));
      assert.equal(readFileSync(path, 'utf8'), 'new');
    });
  }

  test('a symlinked destination is replaced, not followed', async (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'victim'), 'precious');
    symlinkSync('victim', join(directory, 'link'));
    await files.replace(join(directory, 'link'), write('new'));
    assert.equal(readFileSync(join(directory, 'victim'), 'utf8'), 'precious');
    assert.ok(lstatSync(join(directory, 'link')).isFile());
  });

  test('what stands under the temp name by then is neither renamed nor removed', async (t) => {
    const directory = tempDir(t);
    const path = join(directory, 'file');
    let planted = '';
    const exchange = ({ fd, name }: TempHandle): Promise<void> => {
      planted = name;
      renameSync(join(directory, name), join(directory, 'kept'));
      writeFileSync(join(directory, name), 'of a member');
      return write('secret')({ fd, name });
    };
    await assert.rejects(files.replace(path, exchange), { name: 'Exchanged', isReplaced: false });
    assert.deepEqual(readdirSync(directory).sort(), [planted, 'kept'].sort());
    const link = ({ fd, name }: TempHandle): Promise<void> => {
      linkSync(join(directory, name), join(directory, 'other'));
      return write('secret')({ fd, name });
    };
    await assert.rejects(files.replace(path, link), { name: 'Exchanged', isReplaced: false });
  });

  /** What a file system, or somebody in its directory, does in place of a call. */
  function faked<Name extends 'rename' | 'openSync'>(t: TestContext, name: Name, fake: (typeof fs)[Name]): void {
    t.mock.method(fs, name, fake as never);
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
  }

  test('another file under the name after the rename is no success', async (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'other'), 'of a member');
    const rename = ((from, to, done) => {
      renameSync(from, to);
      renameSync(join(directory, 'other'), to);
      done(null);
    }) as typeof fs.rename;
    faked(t, 'rename', rename);
    const replacing = files.replace(join(directory, 'file'), write('secret'));
    await assert.rejects(replacing, { name: 'Exchanged', isReplaced: true });
    assert.equal(readFileSync(join(directory, 'file'), 'utf8'), 'of a member');
  });

  for (const [what, plant] of Object.entries({
    'that holds something': (path: string) => {
      writeFileSync(path, 'of another');
    },
    'with another name': (path: string) => {
      writeFileSync(path, '');
      linkSync(path, `${path}.link`);
    },
  })) {
    test(`a file ${what}, which a file system gives for a new one, gets no byte`, async (t) => {
      const directory = tempDir(t);
      const planted = join(directory, 'planted');
      plant(planted);
      const { openSync } = fs;
      faked(t, 'openSync', (path, ...rest) =>
        String(path).endsWith('.crtmp') ? openSync(planted, 'r+') : openSync(path, ...rest),
      );
      await assert.rejects(files.replace(join(directory, 'file'), write('secret')), { code: 'EEXIST' });
      assert.doesNotMatch(readFileSync(planted, 'utf8'), /secret/);
    });
  }

  test('a temp file that can be neither renamed nor removed keeps nothing', { skip: needsRoot }, async (t) => {
    const directory = tempDir(t);
    const change = (flag: string): boolean => spawnSync('chattr', [flag, directory]).status === 0;
    t.after(() => change('-a'));
    const replacing = files.replace(join(directory, 'file'), async (temp) => {
      await write('secret')(temp);
      if (!change('+a')) t.skip('needs chattr of e2fsprogs, and a file system that has it');
    });
    const isRefused = await replacing.then(
      () => false,
      () => true,
    );
    assert.equal(
      isRefused
        ? readdirSync(directory)
            .map((name) => statSync(join(directory, name)).size)
            .join()
        : '0',
      '0',
    );
    change('-a');
  });

  test('the directory may be renamed meanwhile, and a link put in its place', async (t) => {
    const base = tempDir(t);
    for (const name of ['a', 'vault']) mkdirSync(join(base, name));
    writeFileSync(join(base, 'a/file'), 'old');
    using directory = makeDirectory('own', join(base, 'a'), { uid: process.geteuid?.() ?? 0, gid: 0 }, 0o700);
    await files.replace(directory.at('file'), (temp) => {
      renameSync(join(base, 'a'), join(base, 'moved'));
      symlinkSync('vault', join(base, 'a'));
      return write('new')(temp);
    });
    assert.equal(readFileSync(join(base, 'moved/file'), 'utf8'), 'new');
    assert.deepEqual(readdirSync(join(base, 'vault')), []);
  });

  test('no descriptor is left open, whatever comes of it', async (t) => {
    const path = join(tempDir(t), 'file');
    const before = readdirSync('/proc/self/fd').length;
    await files.replace(path, write('new'));
    await assert.rejects(files.replace(path, () => Promise.reject(new Error('hook'))));
    await assert.rejects(files.replace(join(path, 'none'), write('new')), { code: 'ENOTDIR' });
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  test('owner and mode of the old file, or of the call, are not put over those that the hook set', async (t) => {
    const path = join(tempDir(t), 'file');
    for (const mode of [0o640, 0o600, 0o444]) {
      await files.replace(path, ({ fd }) => {
        fchmodSync(fd, mode);
        return Promise.resolve();
      });
      assert.equal(statSync(path).mode & 0o7777, mode);
    }
  });

  for (const umask of [0o000, 0o077, 0o777]) {
    test(`under umask ${umask.toString(8)} the temp file is its owner's alone, and can be filled`, async (t) => {
      const path = join(tempDir(t), 'file');
      const before = process.umask(umask);
      t.after(() => process.umask(before));
      await files.replace(path, ({ fd }) => {
        assert.equal(fstatSync(fd).mode & 0o077, 0);
        writeFileSync(fd, 'new');
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
      const write = async ({ fd }) => writeFileSync(fd, 'x'.repeat(200));
      await createAtomicFiles().replace(${JSON.stringify(path)}, write).catch((error) => console.log(error.code));
      console.log('alive');`;
    const args = ['--fsize=100', ...FROM_SOURCE, '--input-type=module', '--eval', program];
    const { stdout, signal } = spawnSync('prlimit', args, { encoding: 'utf8' });
    assert.deepEqual({ stdout, signal }, { stdout: 'EFBIG\nalive\n', signal: null });
    assert.deepEqual(readdirSync(join(path, '..')), []);
  });
});

function write(text: string): (temp: TempHandle) => Promise<void> {
  return ({ fd }) => {
    writeFileSync(fd, text);
    return Promise.resolve();
  };
}
