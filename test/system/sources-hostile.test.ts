import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chownSync, existsSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { BOB, estateOf, runAs } from '../support/acting.ts';
import { openSite, reportOf, said, type Ended, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { KEY, printed, prints, SECRET, TOKEN } from '../support/helpers.ts';
import { limit } from '../support/limits.ts';

/** What root's files have to fear of a helper, and of a user who decides a source: nothing. */

const GOOD = prints(printed());

/** Root's file of the instance beside one of the user's for each source, in the user's home, by its name. */
function beside(site: Site, home: string, sources: Readonly<Record<string, object>>, more: object[] = []) {
  const users = Object.keys(sources).map((source) => ({
    path: join(home, source),
    format: 'json',
    owner: BOB,
    source,
  }));
  const root = { path: site.path('root.json'), format: 'json' };
  return site.configure({ imds: { attempts: 1 }, sources, sinks: [root, ...users, ...more] });
}

function assertUndisturbed(site: Site): void {
  const { AccessKeyId } = JSON.parse(readFileSync(site.path('root.json'), 'utf8')) as Record<string, string>;
  assert.equal(AccessKeyId, site.metadata.current().accessKeyId);
}

/** The code of the error of each source, or its state. */
function statesOf(ended: Ended): Readonly<Record<string, string>> {
  const { sources = [] } = reportOf(ended);
  return Object.fromEntries(sources.map(({ name, state, error }) => [name, error?.code ?? state]));
}

function helper(script: string, more: object = {}): object {
  return { type: 'process', user: BOB, command: ['/bin/sh', '-c', script], timeout: '2s', ...more };
}

const HELPERS: Readonly<Record<string, readonly [script: string, state: string, said: RegExp]>> = {
  hangs: ['sleep 60', 'SOURCE_UNREACHABLE', /expected an end within 2 s, got none/],
  floods: ['yes', 'SOURCE_MALFORMED', /expected at most 65536 bytes, got more/],
  complains: ['yes >&2', 'SOURCE_UNREACHABLE', /within 2 s, got none; it says: y/],
  prompts: ['read -r pin </dev/tty || exit 9', 'SOURCE_UNREACHABLE', /got (?:2|9)\b/],
  forks: [`(setsid sleep 20 & sleep 20) & ${GOOD}`, 'ok', /^/],
  tells: [`echo "bad key ${SECRET}" >&2; exit 1`, 'SOURCE_UNREACHABLE', /is not shown, since it may hold a secret/],
};

describe('beside root’s files', { concurrency: 2, timeout: limit(120_000) }, () => {
  test('helpers hang, flood, prompt on a terminal, fork and tell secrets', async (t) => {
    const site = await openSite(t);
    const helpers = Object.entries(HELPERS).map(([name, [script]]) => [name, helper(script)]);
    const config = beside(site, estateOf(t, BOB).home, Object.fromEntries(helpers) as Record<string, object>);
    // Somebody who tries it by hand has a terminal, which is no helper's.
    const through = ['sh', '-c', 'exec script --quiet --return --command "$*" /dev/null', 'sh'];
    const ended = await site.start(['once', '--json', ...config], { through }).ended;
    assert.equal(ended.code, 76, ended.stdout);
    assertUndisturbed(site);
    const { instance, ...states } = statesOf(ended);
    assert.equal(instance, 'ok');
    assert.deepEqual(states, Object.fromEntries(Object.entries(HELPERS).map(([name, [, state]]) => [name, state])));
    const status = await site.run(['status']);
    const words = status.stdout.replaceAll(/\s+/g, ' ');
    for (const [, , what] of Object.values(HELPERS)) assert.match(words, what);
    for (const text of [ended.stdout, ended.stderr, status.stdout, site.state()])
      for (const secret of [SECRET, TOKEN, KEY]) assert.ok(!text.includes(secret), text);
  });

  test('an agent whose helper and whose port hang follows the instance, and ends with the helper', async (t) => {
    const site = await openSite(t);
    const { home } = estateOf(t, BOB);
    const pidFile = join(home, 'pid');
    const hangs = `echo $$ > "$PID_FILE"; echo "bad key ${SECRET}" >&2; exec sleep 600`;
    const endpoint = await startServer(t);
    const config = beside(site, home, {
      hangs: helper(hangs, { timeout: '10m', environment: { PID_FILE: pidFile } }),
      tells: helper(HELPERS['tells']?.[0] ?? ''),
      port: { type: 'container', endpoint: `${endpoint}/hang`, user: BOB },
      drips: { type: 'container', endpoint: `${endpoint}/drip`, user: BOB },
    });
    const agent = site.start(['run', ...config]);
    await said(agent, /rotation 1:/);
    const asked = site.start(['refresh', '--source', 'hangs', 'tells', 'port', 'drips']);
    await eventually('the helper hangs', () => existsSync(pidFile));
    await said(agent, /is not shown, since it may hold a secret/);
    site.metadata.rotate();
    const ended = await site.run(['refresh', '--source', 'instance']);
    assert.match(ended.stdout, /^source instance ok: .*new \(rotation 2\)$/m);
    assertUndisturbed(site);
    const status = await site.run(['status']);
    assert.equal((await agent.stop()).code, 0);
    await asked.ended;
    const pid = readFileSync(pidFile, 'utf8').trim();
    await eventually('the helper is gone', () => !existsSync(`/proc/${pid}`));
    for (const text of [agent.output(), asked.output(), site.state(), status.stdout])
      assert.ok(!text.includes(SECRET), text);
  });

  test('a user’s file, program and port choose nothing for root', async (t) => {
    const site = await openSite(t);
    const { home, vault, assertVaultUntouched } = estateOf(t, BOB);
    const file = join(home, 'credentials.json');
    const put = (text: string): void => {
      rmSync(file, { force: true });
      writeFileSync(file, text);
      chownSync(file, BOB, BOB);
    };
    put(printed());
    const endpoint = await startServer(t);
    const sources = {
      file: { type: 'file', path: file, format: 'json' },
      program: helper(GOOD),
      port: { type: 'container', endpoint: `${endpoint}/good`, user: BOB },
      foreign: { type: 'container', endpoint: `${endpoint}/good` },
      floods: { type: 'container', endpoint: `${endpoint}/flood`, user: BOB },
    };
    const taken = ['file', 'program', 'port'];
    const wanted = taken.map((source) => ({ path: site.path(source), format: 'json', source }));
    for (const { path } of wanted) writeFileSync(path, 'as root has it\n');
    const config = beside(site, home, sources, wanted);
    const ended = await site.run(['once', '--json', ...config]);
    assert.equal(ended.code, 77, ended.stdout);
    assertUndisturbed(site);
    const { sinks } = reportOf(ended);
    for (const { path } of wanted) {
      assert.equal(readFileSync(path, 'utf8'), 'as root has it\n');
      const { error } = sinks.find((sink) => sink.path === path) ?? {};
      assert.equal(error?.code, 'SINK_UNTRUSTED_SOURCE');
      assert.match(error.hint ?? '', new RegExp(`trusted_user: ${BOB}`));
    }
    const { foreign, floods, ...states } = statesOf(ended);
    assert.deepEqual(states, { instance: 'ok', file: 'ok', program: 'ok', port: 'ok' });
    assert.deepEqual([foreign, floods], ['SOURCE_DENIED', 'SOURCE_MALFORMED']);
    for (const source of taken) assert.ok(readFileSync(join(home, source), 'utf8').includes(KEY), source);
    const status = (await site.run(['status'])).stdout.replaceAll(/\s+/g, ' ');
    assert.match(status, new RegExp(`source file, ok,.* decided by uid ${BOB}\\b`));
    // Then the user turns to the file: a link to root's, one far too large, and one without credentials.
    const plants = [
      () => {
        symlinkSync(join(vault, 'credentials'), file);
      },
      () => {
        put('');
        truncateSync(file, 2 ** 40);
      },
      () => {
        put('[');
      },
    ];
    for (const plant of plants) {
      rmSync(file, { force: true });
      plant();
      site.metadata.rotate();
      const next = await site.run(['once', '--json', ...config]);
      assert.match(statesOf(next)['file'] ?? '', /^SOURCE_/);
      assert.doesNotMatch(next.stdout + next.stderr, /CANARY/);
      assertUndisturbed(site);
      assertVaultUntouched();
    }
  });
});

/** The user's, which ends with the test; its origin. */
async function startServer(t: TestContext): Promise<string> {
  const server = runAs(BOB, SERVER, printed({ Token: TOKEN }));
  t.after(() => server.kill('SIGKILL'));
  assert.ok(server.stdout);
  const [port] = (await once(server.stdout, 'data')) as [Buffer];
  return `http://127.0.0.1:${port.toString().trim()}`;
}

const SERVER = `
  import { createServer } from 'node:http';
  const server = createServer(({ url }, answer) => {
    if (url === '/hang') return;
    if (url === '/drip') return void setInterval(() => answer.write(' '), 100);
    if (url === '/flood') return void setInterval(() => answer.write('x'.repeat(65536)), 1);
    answer.end(process.argv[1]);
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
