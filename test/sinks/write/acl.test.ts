import assert from 'node:assert/strict';
import { closeSync, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dlopen } from 'node:ffi';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { applySinks } from '../../../src/sinks/apply.ts';
import { fileSecurity } from '../../../src/system/descriptors.ts';
import { applyRequest, sinkAt, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';

const { functions: libc } = dlopen(null, {
  setxattr: { arguments: ['pointer', 'pointer', 'pointer', 'u64', 'i32'], return: 'i32' },
});

/** owner rwx, user 12345 rw, group rx, mask rwx, others nothing; as setfacl keeps it. */
const ACL = Buffer.concat([
  Buffer.from([2, 0, 0, 0]),
  ...[
    [0x01, 7, 0xffffffff],
    [0x02, 6, 12345],
    [0x04, 5, 0xffffffff],
    [0x10, 7, 0xffffffff],
    [0x20, 0, 0xffffffff],
  ].map(([tag = 0, rights = 0, id = 0]) => {
    const entry = Buffer.alloc(8);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(rights, 2);
    entry.writeUInt32LE(id, 4);
    return entry;
  }),
]);

describe('access control lists', () => {
  test('a default ACL of the directory never lets its users read a sink, not even while it is empty', async (t) => {
    const directory = withDefaultAcl(t);
    if (directory === undefined) {
      t.skip('the file system has no ACLs');
      return;
    }
    const seen: { step: string; hasAcl: boolean; mode: number }[] = [];
    const security = {
      ...fileSecurity,
      dropAcl: (fd: number) => {
        // The mask is empty, so the ACL gives nothing yet.
        seen.push({ step: 'made', hasAcl: fileSecurity.hasAcl(fd), mode: fstatSync(fd).mode & 0o777 });
        fileSecurity.dropAcl(fd);
        assert.equal(fstatSync(fd).size, 0);
      },
    };
    const path = join(directory, 'a');
    const { outcomes } = await applySinks(sinkDeps({ security }), applyRequest([sinkAt(path, { mode: 0o640 })]));
    assert.equal(outcomes[0]?.result, 'written');
    assert.deepEqual(seen, [{ step: 'made', hasAcl: true, mode: 0o600 }]);
    assert.equal(hasAcl(path), false);
    assert.equal(lstatSync(path).mode & 0o777, 0o640);
  });

  test('an ACL that cannot be removed: nothing is written', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, 'OTHER=1\n', { mode: 0o600 });
    const dropAcl = (): never => {
      throw Object.assign(new Error('no'), { code: 'EPERM', syscall: 'fremovexattr' });
    };
    const { outcomes } = await applySinks(
      sinkDeps({ security: { ...fileSecurity, dropAcl } }),
      applyRequest([sinkAt(path)]),
    );
    assert.partialDeepStrictEqual(outcomes, [{ result: 'failed', error: { code: 'SINK_WRITE_FAILED' } }]);
    assert.equal(readFileSync(path, 'utf8'), 'OTHER=1\n');
  });

  test('the ACL of the file itself is not kept, and that is said', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, 'OTHER=1\n');
    if (!setAcl(path, 'access')) {
      t.skip('the file system has no ACLs');
      return;
    }
    const { outcomes } = await applySinks(sinkDeps(), applyRequest([sinkAt(path)]));
    assert.deepEqual(outcomes[0]?.warnings, ['the ACL of the file before is not kept: use owner, group, mode']);
    assert.equal(hasAcl(path), false);
  });
});

describe('SELinux labels', () => {
  test('the label of the replaced file is put on the new one before its bytes', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, 'OTHER=1\n', { mode: 0o600 });
    const steps: string[] = [];
    let asked = 0;
    const security = {
      ...fileSecurity,
      label: () => Buffer.from(asked++ === 0 ? 'old' : 'of the directory'),
      setLabel: (fd: number, label: Buffer) => {
        steps.push(`${label.toString()} at ${String(fstatSync(fd).size)}`);
      },
    };
    const { outcomes } = await applySinks(sinkDeps({ security }), applyRequest([sinkAt(path)]));
    assert.deepEqual(outcomes[0]?.warnings, []);
    assert.deepEqual(steps, ['old at 0']);
  });

  test('a label that the kernel refuses is a warning', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, 'OTHER=1\n', { mode: 0o600 });
    let asked = 0;
    const security = {
      ...fileSecurity,
      label: () => Buffer.from(asked++ === 0 ? 'old' : 'of the directory'),
      setLabel: (): never => assert.fail('refused'),
    };
    const { outcomes } = await applySinks(sinkDeps({ security }), applyRequest([sinkAt(path)]));
    assert.equal(outcomes[0]?.result, 'written');
    assert.deepEqual(outcomes[0].warnings, ['the SELinux label could not be kept: restorecon sets it']);
  });

  test('are kept by the kernel as they are given', (t) => {
    const path = join(tempDir(t), 'a');
    const fd = openSync(path, 'w');
    t.after(() => {
      closeSync(fd);
    });
    const label = Buffer.from('system_u:object_r:etc_t:s0\0');
    try {
      fileSecurity.setLabel(fd, label);
    } catch {
      t.skip('needs root, or a policy that allows it: labels a file');
      return;
    }
    assert.deepEqual(fileSecurity.label(fd), label);
  });
});

function withDefaultAcl(t: TestContext): string | undefined {
  const directory = join(tempDir(t), 'shared');
  mkdirSync(directory, { mode: 0o700 });
  return setAcl(directory, 'default') ? directory : undefined;
}

function setAcl(path: string, kind: 'access' | 'default'): boolean {
  const name = Buffer.from(`system.posix_acl_${kind}\0`);
  return libc.setxattr(Buffer.from(`${path}\0`), name, ACL, BigInt(ACL.length), 0) === 0;
}

function hasAcl(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    return fileSecurity.hasAcl(fd);
  } finally {
    closeSync(fd);
  }
}
