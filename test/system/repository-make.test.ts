import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { packageFast } from '../../scripts/package.ts';
import { tempDir } from '../support/temp-dir.ts';
import { openKeys, repository } from './repository-scene.ts';

test('a repository', async (t) => {
  const { deb, rpm } = await packageFast();
  const keys = openKeys(t);
  const key = await keys.make('first');
  const order = { keys: [key], packages: [deb, rpm], date: 1_780_000_000 };
  const made = await repository(t, keys, order);

  await t.test('is the same bytes, made of the same packages at the same date', async () => {
    const again = await repository(t, keys, order);
    assert.equal(execFileSync('diff', ['--recursive', made, again], { encoding: 'utf8' }), '');
    await repository(t, keys, { ...order, to: again });
    assert.equal(execFileSync('diff', ['--recursive', made, again], { encoding: 'utf8' }), '');
  });

  await t.test('replaces no package by another of its name', async () => {
    const other = join(tempDir(t), basename(deb));
    copyFileSync(deb, other);
    appendFileSync(other, ' ');
    await assert.rejects(
      repository(t, keys, { ...order, packages: [other], to: made }),
      /expected the same bytes as .*, got others: a new package needs a new version/,
    );
  });

  await t.test('keeps each earlier index under its hash', async () => {
    const before = globSync('apt/dists/*/*/*/by-hash/SHA256/*', { cwd: made });
    await repository(t, keys, { ...order, packages: [rpm], date: order.date + 60, to: made });
    const now = globSync('apt/dists/*/*/*/by-hash/SHA256/*', { cwd: made });
    assert.deepEqual(
      before.filter((file) => !now.includes(file)),
      [],
    );
  });

  await t.test('holds no secret key', () => {
    for (const file of globSync('**', { cwd: made, withFileTypes: true }).filter((entry) => entry.isFile()))
      assert.ok(!readFileSync(join(file.parentPath, file.name)).includes('PRIVATE KEY'), file.name);
  });

  await t.test('needs a key that gpg has', async () => {
    await assert.rejects(repository(t, keys, { ...order, keys: ['0'.repeat(40)] }), /expected a secret key of gpg/);
  });
});

test('README and user data name the place that package.json names', () => {
  for (const file of ['README.md', 'docs/user-data.md', 'packaging/user-data/cloud-config.yaml', 'docs/repository.md'])
    assert.ok(readFileSync(file, 'utf8').includes(packageJson.packages), file);
});
