import assert from 'node:assert/strict';
import { chownSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BOB, estateOf, skipsWithoutRoot } from '../support/acting.ts';
import { openSite, said, type Site } from '../support/agent.ts';
import { assertNoSecret, assertNoSecretBelow } from '../support/secrets.ts';

const OTHER = '[other]\nregion = x\n';

/** Three sinks that were written, one of them in a file of others. */
async function written(site: Site): Promise<readonly string[]> {
  writeFileSync(site.path('credentials'), OTHER);
  const config = site.configure({
    sinks: [
      { path: site.path('credentials'), format: 'aws-credentials' },
      { path: site.path('app.env'), format: 'dotenv' },
      { path: site.path('iam.json'), format: 'json' },
    ],
    metrics: { textfile: site.path('agent.prom') },
  });
  assert.equal((await site.run(['once', ...config])).code, 0);
  assert.ok(existsSync(site.path('agent.prom')));
  return config;
}

const sinksOf = (site: Site): string[] =>
  ['app.env', 'credentials', 'iam.json'].filter((name) => existsSync(site.path(name)));

describe('forget', { concurrency: 3 }, () => {
  test('--all removes what was written, and the memory of it, and no secret is left', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    const { code, stdout, stderr } = await site.run(['forget', '--all', ...config]);
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.replaceAll(`${site.directory}/`, '');
    assert.equal(lines, 'forgotten credentials\nremoved   app.env\nremoved   iam.json\n');
    assert.equal(readFileSync(site.path('credentials'), 'utf8'), OTHER);
    assert.deepEqual([readdirSync(site.path('state')), readdirSync(site.path('run'))], [['lock'], []]);
    assert.ok(!existsSync(site.path('agent.prom')));
    assertNoSecretBelow(site.directory);
    assert.equal((await site.run(['forget', '--all', ...config])).code, 0, 'nothing to do is no error');
  });

  test('of one path leaves the others, and the next pass writes it again', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    const { code, stdout } = await site.run(['forget', 'app.env', ...config], { cwd: site.directory });
    assert.deepEqual([code, stdout], [0, `removed   ${site.path('app.env')}\n`]);
    assert.deepEqual(sinksOf(site), ['credentials', 'iam.json']);
    assert.doesNotMatch(site.state(), /app\.env/);
    assert.equal((await site.run(['once', ...config])).code, 0);
    assert.deepEqual(sinksOf(site), ['app.env', 'credentials', 'iam.json']);
  });

  test('--dry-run shows it, without secrets, and touches nothing', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    const before = site.state();
    const { code, stdout } = await site.run(['forget', '--all', '--dry-run', ...config]);
    assert.equal(code, 0);
    assertNoSecret('what would go', stdout);
    assert.match(stdout, /^would forget \S+\/credentials\n {2}- \[default\]\n {2}- aws_access_key_id = …\w{4}\n/);
    assert.match(stdout, /^would remove \S+\/app\.env\nwould remove \S+\/iam\.json\n$/m);
    assert.deepEqual([sinksOf(site), site.state()], [['app.env', 'credentials', 'iam.json'], before]);
  });

  test('leaves what a user has put there, and then remembers', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    const own = '[default]\naws_access_key_id = AKIAOFTHEUSER0000000\naws_secret_access_key = x\n';
    writeFileSync(site.path('credentials'), own);
    const { code, stdout } = await site.run(['forget', '--all', ...config]);
    assert.equal(code, 77);
    assert.match(stdout, /^refused {3}\S+\/credentials\n {10}SINK_NOT_OURS: .*\n {10}hint: .*--force/);
    assert.equal(readFileSync(site.path('credentials'), 'utf8'), own);
    assert.deepEqual(sinksOf(site), ['credentials']);
    assert.match(site.state(), /"keyId"/);
    const forced = await site.run(['forget', '--all', '--force', ...config]);
    assert.deepEqual([forced.code, sinksOf(site), readdirSync(site.path('state'))], [0, [], ['lock']]);
  });

  test('takes sinks from flags, as once does', async (t) => {
    const site = await openSite(t);
    const flags = ['--aws-credentials', site.path('aws'), '--profile', 'x', '--json-file', site.path('iam.json')];
    assert.equal((await site.run(['once', ...flags])).code, 0);
    const { code, stdout } = await site.run(['forget', ...flags]);
    assert.deepEqual([code, stdout], [0, `removed   ${site.path('aws')}\nremoved   ${site.path('iam.json')}\n`]);
  });

  test('takes out what was written under an earlier configuration, too', async (t) => {
    const site = await openSite(t);
    await written(site);
    const config = site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }] });
    const { code, stdout } = await site.run(['forget', '--all', ...config]);
    assert.equal(code, 0);
    assert.deepEqual([...stdout.matchAll(/^(?:forgotten|removed) +\S+\/(\S+)$/gm)].map(([, name]) => name).sort(), [
      'app.env',
      'credentials',
      'iam.json',
    ]);
  });

  test('works in the home of another user with the rights of that user', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const site = await openSite(t);
    const { home } = estateOf(t, BOB);
    const [mixed, large, whole] = ['credentials', 'large.env', 'iam.json'].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ];
    const others = { [mixed]: OTHER, [large]: `X=${'x'.repeat(200_000)}\n` };
    for (const [path, text] of Object.entries(others)) {
      writeFileSync(path, text);
      chownSync(path, BOB, BOB);
    }
    const config = site.configure({
      sinks: [
        { path: mixed, format: 'aws-credentials' },
        { path: large, format: 'dotenv' },
        { path: whole, format: 'json' },
        { path: site.path('app.env'), format: 'dotenv' },
      ],
    });
    assert.equal((await site.run(['once', ...config])).code, 0);
    const dry = await site.run(['forget', '--all', '--dry-run', ...config]);
    assert.deepEqual([dry.code, dry.stderr], [0, '']);
    assert.match(dry.stdout, /^would forget \S+\/large\.env\n {2}\(too large to be shown\)\n/m);
    assert.match(dry.stdout, /^would forget \S+\/credentials\n {2}- \[default\]\n(.*\n)*would remove \S+\/iam\.json\n/);
    assert.deepEqual(readdirSync(home).sort(), ['credentials', 'iam.json', 'large.env']);

    const { code, stdout } = await site.run(['forget', '--all', ...config]);
    assert.equal(code, 0, stdout);
    assert.equal(
      stdout,
      `forgotten ${mixed}\nforgotten ${large}\nremoved   ${whole}\nremoved   ${site.path('app.env')}\n`,
    );
    for (const [path, text] of Object.entries(others)) {
      assert.deepEqual([readFileSync(path, 'utf8'), lstatSync(path).uid], [text, BOB]);
    }
    assert.deepEqual(
      [readdirSync(home).sort(), readdirSync(site.path('state'))],
      [['credentials', 'large.env'], ['lock']],
    );
    assertNoSecretBelow(home);
  });

  test('refuses beside a running agent, which would write it all again', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    await said(site.start(['run', ...config]), /keeps 3 sinks fresh/);
    const { code, stdout, stderr } = await site.run(['forget', '--all', ...config]);
    assert.deepEqual([code, stdout], [75, '']);
    assert.match(stderr, /^credrotate: AGENT_BUSY: .*\n {2}hint: stop it first/);
    assert.deepEqual(sinksOf(site), ['app.env', 'credentials', 'iam.json']);
  });

  test('wants to be told what', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    for (const args of [[], ['/etc/hostname'], [site.path('app.env'), site.path('none')]]) {
      const { code, stderr } = await site.run(['forget', ...args, ...config]);
      assert.equal(code, 64);
      assert.match(
        stderr,
        /^credrotate: USAGE: forget: expected sinks of the configuration, or files that were, got .*\n {2}hint: one of .*--all/,
      );
    }
    assert.deepEqual(sinksOf(site), ['app.env', 'credentials', 'iam.json']);
  });
});
