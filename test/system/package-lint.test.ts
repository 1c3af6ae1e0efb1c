import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { before, describe, test, type TestContext } from 'node:test';
import { packageFast } from '../../scripts/package.ts';

const SCRIPTS = [
  ...['postinst', 'prerm', 'postrm'].map((name) => `packaging/deb/${name}`),
  ...globSync('packaging/rpm/*.sh'),
];

let packages: Awaited<ReturnType<typeof packageFast>>;

before(async () => {
  packages = await packageFast();
});

describe('checked by their distributions', () => {
  const checks: readonly (readonly [string, readonly string[], (format: typeof packages) => string])[] = [
    ['lintian', ['--tag-display-limit=0', '--info', '--fail-on=error,warning'], ({ deb }) => deb],
    ['rpmlint', ['--strict', '--config=packaging/rpm/rpmlint.toml'], ({ rpm }) => rpm],
  ];
  for (const [tool, options, select] of checks)
    test(`by ${tool}`, (t) => {
      if (!isThere(t, tool)) return;
      const { status, stdout } = spawnSync(tool, [...options, select(packages)], { encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    });

  test('the scripts that run at installation, by shellcheck', (t) => {
    if (!isThere(t, 'shellcheck')) return;
    const { status, stdout } = spawnSync('shellcheck', ['--shell=sh', ...SCRIPTS], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });
});

function isThere(t: TestContext, tool: string): boolean {
  const isMissing = spawnSync(tool, ['--version']).error !== undefined;
  if (isMissing) t.skip(`needs ${tool}`);
  return !isMissing;
}
