import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { commit } from '../../scripts/bundle.ts';
import { makeImage } from '../../scripts/image.ts';
import { makePackage } from '../../scripts/package.ts';
import { sourceDate, type Order } from '../../scripts/package/product.ts';
import { HOST, strippedRuntime } from '../../scripts/runtime.ts';
import { tempDir } from '../support/temp-dir.ts';

const OTHER = HOST === 'x64' ? 'arm64' : 'x64';

test('are the same bytes, made elsewhere, at another time, by somebody else', async (t) => {
  const date = sourceDate();
  const common: Omit<Order, 'format' | 'architecture'> = { date, fast: true };
  const here = [
    await makePackage({ ...common, format: 'deb', architecture: HOST }),
    await makePackage({ ...common, format: 'rpm', architecture: HOST }),
    await makePackage({ ...common, format: 'tar', architecture: HOST }),
    await makePackage({ ...common, format: 'deb', architecture: OTHER }),
    await makePackage({ ...common, format: 'rpm', architecture: OTHER }),
    await makeImage([HOST, OTHER], true),
  ];
  const elsewhere = join(tempDir(t), 'a/longer/way/to/it');
  mkdirSync(join(elsewhere, 'dist'), { recursive: true });
  // Modes and times are lost.
  const copy =
    'tar -c --exclude=./node_modules --exclude=./dist --exclude=./.git . | (umask 077; tar -x -m --no-same-permissions -C "$1")';
  execFileSync('sh', ['-c', copy, 'sh', elsewhere]);
  // Fetched and checked once; this machine's is stripped again.
  const other = await strippedRuntime(OTHER);
  copyFileSync(other, join(elsewhere, 'dist', basename(other)));
  // Links where the file system can: nothing in it is written to.
  const packages = 'cp --archive --link node_modules "$1" 2>/dev/null || cp --archive node_modules "$1"';
  execFileSync('sh', ['-c', packages, 'sh', elsewhere]);

  const env = {
    ...process.env,
    TZ: 'Pacific/Chatham',
    LC_ALL: 'C.UTF-8',
    LANG: 'tr_TR',
    SOURCE_DATE_EPOCH: String(date),
    CREDROTATE_COMMIT: commit(),
  };
  const build =
    'set -e; umask 077; npm run --silent package -- --fast --x64 --arm64; exec npm run --silent image -- --fast --x64 --arm64';
  execFileSync('sh', ['-c', build], { cwd: elsewhere, env: { ...env, HOME: join(elsewhere, 'dist') }, stdio: 'pipe' });
  for (const path of here) {
    const there = join(elsewhere, 'dist/fast', basename(path));
    assert.ok(readFileSync(path).equals(readFileSync(there)), `${basename(path)} differs`);
  }
});

test('the date is that of the release, wherever it is built', (t) => {
  const root = tempDir(t);
  const changelog = (text: string): void => {
    writeFileSync(join(root, 'CHANGELOG.md'), text);
  };
  changelog('# Changelog\n\n## [Unreleased]\n');
  assert.throws(() => sourceDate(root, {}), /expected a release in CHANGELOG.md/);
  assert.equal(sourceDate(root, { SOURCE_DATE_EPOCH: '1700000000' }), 1_700_000_000);
  assert.throws(() => sourceDate(root, { SOURCE_DATE_EPOCH: 'now' }), /expected seconds since 1970, got now/);
  changelog('## [Unreleased]\n\n## [0.2.0] - 2026-11-25\n\n## [0.1.0] - 2026-11-24\n');
  assert.equal(sourceDate(root, {}), Date.UTC(2026, 10, 25) / 1000);
});
