import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Report } from '../../src/report/schema.ts';
import type { AgentState } from '../../src/rotation/state.ts';
import { openSite, type Site } from '../support/agent.ts';

/** Whoever takes a sink out of the configuration leaves a file with live keys, which nobody keeps or watches. */

const EVERY = ['--every', '1h'] as const;

function configure(site: Site, ...names: readonly string[]): readonly string[] {
  return site.configure({ sinks: names.map((name) => ({ path: site.path(name), format: 'dotenv' })) });
}

async function findingsOf(site: Site): Promise<Report['findings']> {
  return (JSON.parse((await site.run(['status', '--json'])).stdout) as Report).findings;
}

/** One that was a sink and is none any more, with what stood in it before. */
async function leave(site: Site): Promise<readonly string[]> {
  writeFileSync(site.path('old'), 'OTHER=1\n', { mode: 0o600 });
  assert.equal((await site.run(['once', ...EVERY, ...configure(site, 'old', 'new')])).code, 0);
  const config = configure(site, 'new');
  assert.equal((await site.run(['once', ...EVERY, ...config])).code, 0);
  return config;
}

describe('a file that was a sink once', { concurrency: 3 }, () => {
  test('is a warning with what to do, until it is forgotten, even after a rotation', async (t) => {
    const site = await openSite(t);
    const config = await leave(site);
    const { code, stdout } = await site.run(['status', '--check']);
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^CREDROTATE WARNING - \S+\/old: holds valid credentials, and is no longer a sink for /);
    site.metadata.rotate();
    assert.equal((await site.run(['once', ...EVERY, ...config])).code, 0);
    const [finding] = await findingsOf(site);
    assert.equal(finding?.id, 'file-left');
    assert.match(finding.remedy.line ?? '', /credrotate forget \S+\/old$/);
    const dry = await site.run(['forget', '--dry-run', site.path('old'), ...config]);
    assert.match(dry.stdout, /^would forget \S+\/old/);
    const forgotten = await site.run(['forget', site.path('old'), ...config]);
    assert.deepEqual([forgotten.code, readFileSync(site.path('old'), 'utf8')], [0, 'OTHER=1\n'], forgotten.stdout);
    assert.ok(existsSync(site.path('new')));
    assert.equal((await site.run(['once', ...EVERY, ...config])).code, 0);
    assert.deepEqual(await findingsOf(site), []);
  });

  test('is let go with --keep, and stays as it is', async (t) => {
    const site = await openSite(t);
    const config = await leave(site);
    const text = readFileSync(site.path('old'), 'utf8');
    assert.equal((await site.run(['forget', '--keep', site.path('new'), ...config])).code, 64);
    assert.equal((await site.run(['forget', '--keep', site.path('old'), ...config])).code, 0);
    assert.equal(readFileSync(site.path('old'), 'utf8'), text);
    assert.equal((await site.run(['once', ...EVERY, ...config])).code, 0);
    assert.deepEqual(await findingsOf(site), []);
  });

  test('goes with forget --all, which leaves the state of nobody', async (t) => {
    const site = await openSite(t);
    const config = await leave(site);
    const { code, stdout } = await site.run(['forget', '--all', ...config]);
    assert.equal(code, 0, stdout);
    assert.equal(readFileSync(site.path('old'), 'utf8'), 'OTHER=1\n');
    assert.equal(site.state(), '');
  });

  for (const script of ['deb/postrm', 'rpm/postun.sh']) {
    test(`is named by ${script} when the package goes`, async (t) => {
      const site = await openSite(t);
      await leave(site);
      const text = readFileSync(new URL(`../../packaging/${script}`, import.meta.url), 'utf8');
      const [, sed = ''] = /(sed -n [^]*?) \|\| (?:true|:)\n/.exec(text) ?? [];
      const said = execFileSync('sh', ['-c', sed.replaceAll('/var/lib/credrotate', site.path('state'))], {
        encoding: 'utf8',
      });
      assert.deepEqual(said.trimEnd().split('\n').sort(), [
        `credrotate: ${site.path('new')} may still hold credentials`,
        `credrotate: ${site.path('old')} may still hold credentials`,
      ]);
    });
  }

  test("is nobody's concern once somebody has deleted it, and its directory shows that", async (t) => {
    const site = await openSite(t);
    const config = await leave(site);
    rmSync(site.path('old'));
    const path = site.path('state/state.json');
    const state = site.state();
    // As where what was mounted on its directory is not any more.
    writeFileSync(
      path,
      state.replaceAll(/"renamedAt": (\d+)/g, (_, at) => `"renamedAt": ${Number(at) + 3_600_000}`),
    );
    assert.equal((await site.run(['once', ...EVERY, ...config])).code, 0);
    assert.deepEqual(
      (await findingsOf(site)).map(({ id }) => id),
      ['file-left'],
    );

    writeFileSync(path, state);
    site.metadata.setRole(null);
    await site.run(['once', ...EVERY, ...config]);
    assert.deepEqual(
      (await findingsOf(site)).map(({ id }) => id),
      ['source-failing'],
    );
    assert.doesNotMatch(site.state(), new RegExp(site.path('old')));
  });

  test('is remembered with what it held, and a note once that has expired', async (t) => {
    const site = await openSite(t);
    const config = await leave(site);
    const state = JSON.parse(site.state()) as AgentState;
    const { sink, keyId } = state.written?.[site.path('old') + ' AWS_ACCESS_KEY_ID'] ?? assert.fail(site.state());
    assert.deepEqual(
      [sink.path, sink.format, sink.mode, keyId],
      [site.path('old'), 'dotenv', 0o600, `…${site.metadata.current().accessKeyId.slice(-4)}`],
    );
    const { key, inode, uid } = state.sinks[`${sink.path} AWS_ACCESS_KEY_ID`] ?? assert.fail(site.state());
    assert.deepEqual([key.length, inode, uid], [32, String(statSync(sink.path).ino), process.getuid?.()]);
    const path = site.path('state/state.json');
    const gone = {
      ...state.written,
      [`${sink.path} AWS_ACCESS_KEY_ID`]: { sink, keyId, expiration: Date.now() - 3_600_000 },
    };
    writeFileSync(path, JSON.stringify({ ...state, written: gone }));
    assert.equal((await site.run(['once', ...EVERY, ...config])).code, 0);
    const [finding] = await findingsOf(site);
    assert.deepEqual([finding?.id, finding?.severity], ['file-left', 'note']);
    assert.match(finding?.problem ?? '', /^holds expired credentials/);
    assert.match((await site.run(['status', '--check'])).stdout, /^CREDROTATE OK /);
  });
});
