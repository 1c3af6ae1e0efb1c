import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { refusals, type ReleaseOrder } from '../../scripts/release/refusals.ts';
import { HOST, RUNTIME_VERSION } from '../../scripts/runtime.ts';
import { tempDir } from '../support/temp-dir.ts';
import { openKeys, type Keys } from '../system/repository-scene.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const CHANGELOG = '# Changelog\n\n## [Unreleased]\n\n- Something\n\n## [1.0.0] - 2026-11-01\n\n- Else\n';
const PACKAGE = { version: '1.0.0', homepage: 'https://credrotate.test', packages: 'https://packages.credrotate.test' };

/** A checkout that may be released as 1.1.0, with what nodejs.org would publish. */
function scene(
  t: TestContext,
  keys: Keys,
  key: string,
): { readonly order: ReleaseOrder; readonly root: string; readonly nodejs: string } {
  const root = join(tempDir(t), 'checkout');
  mkdirSync(join(root, 'packaging'), { recursive: true });
  writeFileSync(join(root, 'CHANGELOG.md'), CHANGELOG);
  writeFileSync(join(root, 'package.json'), JSON.stringify(PACKAGE));
  const advisories = { checked: '2026-11-30', sources: [], advisories: [] };
  writeFileSync(join(root, 'packaging/advisories.json'), JSON.stringify(advisories));
  git(root, 'init', '--quiet');
  commit(root);
  const nodejs = tempDir(t);
  const digests = { x64: archive(nodejs, 'x64'), arm64: archive(nodejs, 'arm64') };
  publish(nodejs, keys);
  const order = { root, version: '1.1.0', key, keyDirectory: keys.directory, nodejs, now: NOW, digests };
  return { root, nodejs, order };
}

function git(root: string, ...args: readonly string[]): void {
  const author = ['-c', 'user.name=test', '-c', 'user.email=test@credrotate.test'];
  execFileSync('git', [...author, ...args], { cwd: root, stdio: 'ignore' });
}

function commit(root: string): void {
  git(root, 'add', '--all');
  git(root, 'commit', '--quiet', '--message', 'Begin');
}

function archive(directory: string, architecture: string): string {
  const name = `node-v${RUNTIME_VERSION}-linux-${architecture}`;
  mkdirSync(join(directory, name, 'bin'), { recursive: true });
  const text = `Node for ${architecture}`;
  writeFileSync(join(directory, name, 'bin/node'), text);
  execFileSync('tar', ['-C', directory, '-cJf', join(directory, `${name}.tar.xz`), name]);
  return createHash('sha256').update(text).digest('hex');
}

/** Signs what is there, by a key of the keyring. */
function publish(directory: string, keys: Keys): void {
  const gpg = (...args: readonly string[]): void => {
    const env = { ...process.env, GNUPGHOME: keys.directory };
    execFileSync('gpg', ['--batch', '--yes', ...args], { env, stdio: 'ignore' });
  };
  const sums = execFileSync('sh', ['-c', 'sha256sum *.tar.xz'], { cwd: directory });
  writeFileSync(join(directory, 'SHASUMS256.txt'), sums);
  gpg('--output', join(directory, 'SHASUMS256.txt.asc'), '--clearsign', join(directory, 'SHASUMS256.txt'));
  gpg('--output', join(directory, 'nodejs-keyring.kbx'), '--export', 'test');
}

async function refuses(order: ReleaseOrder, ...expected: readonly RegExp[]): Promise<void> {
  const problems = await refusals(order);
  assert.equal(problems.length, expected.length, problems.join('\n'));
  for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? '', pattern);
}

test('a release', { skip: HOST === 'x64' ? false : 'releases are made on x64' }, async (t) => {
  const keys = openKeys(t);
  const key = await keys.make('test');

  await t.test('of a clean checkout, signed, with the Node of nodejs.org', async (t) => {
    await refuses(scene(t, keys, key).order);
  });

  for (const version of ['1.1', 'v1.1.0', '1.1.0-rc.1', 'none'])
    await t.test(`is refused with a version like ${version}`, async (t) => {
      await refuses({ ...scene(t, keys, key).order, version }, /^version: expected one like 1\.2\.3, got /);
    });

  await t.test('is refused with an earlier version', async (t) => {
    await refuses(
      { ...scene(t, keys, key).order, version: '0.9.0' },
      /^version: expected 1\.0\.0 .* or a later one, got 0\.9\.0/,
    );
  });

  await t.test('is refused with a version that the changelog has, or a tag', async (t) => {
    const { order, root } = scene(t, keys, key);
    await refuses({ ...order, version: '1.0.0' }, /1\.0\.0, which was released/);
    git(root, '-c', 'tag.gpgSign=false', 'tag', 'v1.1.0');
    await refuses(order, /1\.1\.0, which was released/);
  });

  await t.test('is refused where something was changed, or is not known to git', async (t) => {
    const { order, root } = scene(t, keys, key);
    writeFileSync(join(root, 'new'), '');
    await refuses(order, /^checkout: expected it clean, got changes:\n {2}\?\? new$/);
  });

  await t.test('is refused without news', async (t) => {
    const { order, root } = scene(t, keys, key);
    writeFileSync(join(root, 'CHANGELOG.md'), CHANGELOG.replace('- Something\n\n', ''));
    commit(root);
    await refuses(order, /^CHANGELOG\.md: expected what is new/);
  });

  await t.test('is refused while the project has no address', async (t) => {
    const { order, root } = scene(t, keys, key);
    writeFileSync(
      join(root, 'package.json'),
      JSON.stringify({ ...PACKAGE, packages: 'https://packages.somebody.example' }),
    );
    commit(root);
    await refuses(order, /^package\.json: expected the addresses/);
  });

  await t.test('is refused unsigned', async (t) => {
    const { order } = scene(t, keys, key);
    await refuses({ ...order, key: undefined }, /^--key: expected the fingerprint/);
    await refuses({ ...order, key: key.replaceAll(/[0-9A-F]/g, '0') }, /^--key: expected a secret key/);
  });

  await t.test('is refused while a fault that concerns us is open, or nobody looked', async (t) => {
    const { order } = scene(t, keys, key);
    await refuses({ ...order, now: NOW + 31 * 86_400_000 }, /^packaging\/advisories\.json: expected/);
  });

  await t.test('is refused where nobody compared the Node inside with that of nodejs.org', async (t) => {
    const { order, nodejs } = scene(t, keys, key);
    await refuses({ ...order, nodejs: undefined }, /^--nodejs: expected a directory/);
    await refuses({ ...order, nodejs: tempDir(t) }, /expected nodejs-keyring\.kbx, SHASUMS256\.txt\.asc, node-v/);
    const digests = { x64: '0'.repeat(64), arm64: order.digests?.arm64 ?? '' };
    await refuses(
      { ...order, digests },
      /linux-x64\.tar\.xz: expected bin\/node with SHA-256 0{64} .*it is not Node's$/,
    );
    writeFileSync(join(nodejs, `node-v${RUNTIME_VERSION}-linux-arm64.tar.xz`), 'another');
    await refuses(order, /linux-arm64\.tar\.xz: expected the SHA-256 of SHASUMS256\.txt\.asc, got another one/);
    writeFileSync(join(nodejs, 'SHASUMS256.txt.asc'), 'unsigned');
    await refuses(order, /^SHASUMS256\.txt\.asc: expected the signature of a key of Node/);
  });
});
