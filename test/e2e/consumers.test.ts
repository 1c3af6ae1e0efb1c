import assert from 'node:assert/strict';
import { cpSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSite, reportOf, type Site } from '../support/agent.ts';
import { needsRoot, privateCopy, startProgram, type Program } from '../support/consumer.ts';
import { eventually } from '../support/eventually.ts';
import { makeHook, startDaemon } from '../support/programs.ts';
import { assertNoSecret, openMetadata } from '../support/secrets.ts';

function configure(site: Site, consumers: object, change: object = {}): readonly string[] {
  const sink = { path: site.path('iam.json'), format: 'json', notify: Object.keys(consumers) };
  // Where load kept the first pass from its credentials, nobody would be notified of any.
  return site.configure({ sinks: [sink], consumers, imds: { timeout: '30s' }, ...change });
}

describe('consumers', { concurrency: 6 }, () => {
  test('a program that the signal would end is not signalled', async (t) => {
    const site = await openSite(t);
    const daemon = await startDaemon(t, site.path('legacy'), false);
    const config = configure(site, { legacy: { type: 'signal', pid_file: daemon.pidFile } });
    const { code, stdout } = await site.run(['once', ...config]);
    assert.equal(code, 74);
    assert.match(stdout, /^pending {3}legacy\n {10}CONSUMER_WOULD_DIE: pid \d+: .*\n {10}hint: /m);
    assert.equal(daemon.isAlive(), true);
  });

  test('one that ends on the signal is said to have ended, and gets no other until it is asked for by name', async (t) => {
    const site = await openSite(t);
    const start = endingOnHup(t, site);
    await start();
    const config = configure(
      site,
      { legacy: { type: 'signal', pid_file: site.path('legacy.pid') } },
      { metrics: { textfile: site.path('c.prom') } },
    );
    const first = await site.run(['once', '--every', '1h', ...config]);
    assert.equal(first.code, 74);
    assert.match(first.stdout, /^ended {5}legacy\n {10}CONSUMER_ENDED: pid \d+: expected it to survive SIGHUP/m);
    assert.match(readFileSync(site.path('c.prom'), 'utf8'), /^credrotate_consumer_ended\{consumer="legacy"\} 2$/m);
    const { code, stdout } = await site.run(['status', '--check']);
    assert.deepEqual([code, stdout.includes('CRITICAL - legacy: it ended')], [2, true], stdout);
    assert.equal((await site.run(['status'])).code, 74);

    const successor = await start();
    site.metadata.rotate();
    const agent = site.start(['run', ...config]);
    await eventually('it is looked for', () => site.state().includes('"generation": 2'));
    const { consumers } = reportOf(await site.run(['refresh', '--json']));
    assert.deepEqual([consumers[0]?.result, consumers[0]?.successor?.isRunning], ['ended', true]);
    assert.ok(successor.isRunning(), 'it is not signalled again');
    await site.run(['refresh', '--notify', 'legacy']);
    await eventually('it was asked for', () => !successor.isRunning());
    await agent.stop();
  });

  test('a successor is a warning, until what it knows is about to run out', async (t) => {
    const site = await openSite(t);
    const start = endingOnHup(t, site);
    const first = await start();
    const legacy = { type: 'signal', pid_file: site.path('legacy.pid'), when: 'expiring', before: '1h' };
    const agent = site.start(['run', ...configure(site, { legacy })]);
    await eventually('it has ended', () => !first.isRunning() && site.state().includes('CONSUMER_ENDED'));
    const successor = await start();
    const checked = async (word: string): Promise<void> => {
      await eventually(word, async () => (await site.run(['status', '--check'])).stdout.includes(word));
    };
    await checked('WARNING - legacy: it ended when it was notified; another runs in its place, and is not notified');
    site.metadata.setFaults([{ at: 'credentials', kind: 'expires-earlier', value: 5.5 * 3_600_000 }]);
    await site.run(['refresh']);
    await checked(
      'CRITICAL - legacy: it ended when it was notified; another runs in its place, and its credentials run out',
    );
    assert.ok(successor.isRunning(), 'it is not signalled');
    await agent.stop();
  });

  test('one that is still starting is notified when it handles the signal', async (t) => {
    const site = await openSite(t);
    const daemon = await startDaemon(t, site.path('legacy'), false);
    const config = configure(site, { legacy: { type: 'signal', pid_file: daemon.pidFile } });
    const pass = site.start(['once', '--json', ...config]);
    await eventually('a first attempt', () => /"attempts": [1-9]/.test(site.state()));
    await daemon.arm();
    const ended = await pass.ended;
    assert.deepEqual([ended.code, reportOf(ended).consumers[0]?.result, daemon.notifications()], [0, 'notified', 1]);
  });

  test('a program that starts after the files is neither waited for nor signalled', async (t) => {
    const site = await openSite(t);
    const config = configure(site, { legacy: { type: 'signal', pid_file: site.path('legacy.pid') } });
    const pass = async (): Promise<unknown> => {
      const ended = await site.run(['once', '--json', ...config]);
      return [ended.code, reportOf(ended).consumers[0]?.result];
    };
    assert.deepEqual(await pass(), [0, 'not_running']);
    assert.match(
      site.state(),
      /"pending": /,
      'it is looked for again by the next pass, and not until this one gives up',
    );
    const daemon = await startDaemon(t, site.path('legacy'));
    assert.deepEqual(await pass(), [0, 'started_since']);
    assert.equal(daemon.notifications(), 0);
  });

  // Cause: process numbers are used again, and a pid file outlives its process.
  test('a process that has inherited the number of a pid file is not signalled', async (t) => {
    const site = await openSite(t);
    const other = await startDaemon(t, site.path('other'));
    const hourAgo = Date.now() / 1000 - 3600;
    utimesSync(other.pidFile, hourAgo, hourAgo);
    const ended = await site.run([
      'once',
      '--json',
      ...configure(site, { legacy: { type: 'signal', pid_file: other.pidFile } }),
    ]);
    assert.deepEqual([ended.code, reportOf(ended).consumers[0]?.error?.code], [74, 'CONSUMER_MISMATCH']);
    assert.equal(other.notifications(), 0);
  });

  test('when: expiring spares a consumer the rotations, but neither --notify-all nor --notify', async (t) => {
    const site = await openSite(t);
    const [each, rare] = [makeHook(t, site.path('each')), makeHook(t, site.path('rare'))];
    const config = configure(site, {
      each: { type: 'exec', command: each.command },
      rare: { type: 'exec', command: rare.command, when: 'expiring' },
    });
    const agent = site.start(['run', ...config]);
    await eventually('both know the first', () => each.calls().length === 1 && rare.calls().length === 1);

    site.metadata.rotate();
    const second = reportOf(await site.run(['refresh', '--json']));
    assert.deepEqual(
      second.consumers.map(({ name, result }) => `${name} ${result}`),
      ['each notified', 'rare scheduled'],
    );
    assert.deepEqual(rare.calls(), ['first 1']);

    const third = reportOf(await site.run(['refresh', '--notify-all', '--json']));
    assert.deepEqual(
      third.consumers.map(({ result }) => result),
      ['notified', 'notified'],
    );
    assert.deepEqual(each.calls(), ['first 1', 'changed 2', 'manual 2']);
    assert.deepEqual(rare.calls(), ['first 1', 'manual 2']);

    const fourth = await site.run(['refresh', '--notify', 'rare']);
    assert.deepEqual([fourth.code, rare.calls(), each.calls().length], [0, ['first 1', 'manual 2', 'manual 2'], 3]);
    assert.match(fourth.stdout, /^notified  rare: /m);
    const unknown = await site.run(['refresh', '--notify', 'rare', 'rere']);
    assert.deepEqual([unknown.code, unknown.stdout, rare.calls().length], [64, '', 3]);
    const words = 'USAGE: --notify: expected consumers of the configuration, got rere\n  hint: one of each, rare\n';
    assert.equal(unknown.stderr, `credrotate: ${words}`);
    assert.equal((await agent.stop()).code, 0);
  });

  test('a hook that hangs delays neither the next pass nor another consumer', async (t) => {
    const site = await openSite(t);
    const [slow, fast] = [makeHook(t, site.path('slow')), makeHook(t, site.path('fast'))];
    slow.close();
    const consumers = {
      slow: { type: 'exec', command: slow.command },
      fast: { type: 'exec', command: fast.command },
    };
    const agent = site.start(['run', ...configure(site, consumers, { refresh: { max_interval: '1s' } })]);
    await eventually('both were called', () => slow.calls().length === 1 && fast.calls().length === 1);
    site.metadata.rotate();
    await eventually('the other one is notified of the next rotation', () => fast.calls().length === 2);
    assert.deepEqual(slow.calls(), ['first 1']);
    slow.open();
    await eventually('it is notified of what it has missed', () => slow.calls().length === 2);
    assert.deepEqual(slow.calls(), ['first 1', 'changed 2']);
    assert.deepEqual(fast.calls(), ['first 1', 'changed 2']);
    assert.equal((await agent.stop()).code, 0);
  });

  // Cause: who waited for a hook that hangs took no notice of signals.
  test('once and refresh can be stopped while a hook hangs, which is called again', async (t) => {
    const site = await openSite(t);
    const hook = makeHook(t, site.path('hook'));
    const config = configure(site, { web: { type: 'exec', command: hook.command } });
    hook.close();
    const pass = site.start(['once', '--json', ...config]);
    await eventually('the hook is at work', () => hook.calls().length === 1);
    const ended = await pass.stop();
    assert.deepEqual([ended.code, reportOf(ended).consumers[0]?.result], [74, 'pending']);

    const agent = site.start(['run', ...config]);
    await eventually('it is called again', () => hook.calls().length === 2);
    const before = site.metadata.requests.length;
    const asking = site.start(['refresh']);
    await eventually('the agent was asked', () => site.metadata.requests.length > before);
    assert.equal((await asking.stop()).code, 75);
    assert.equal((await agent.stop()).code, 0);
  });

  test('a hook learns what happened, and no secret', async (t) => {
    const site = await openSite(t);
    const hook = makeHook(t, site.path('hook'));
    const config = configure(site, { web: { type: 'exec', command: hook.command } });
    assert.equal((await site.run(['once', ...config], { env: { MARK: 'of the agent' } })).code, 0);
    const environment = hook.environment();
    assertNoSecret('the environment of a hook', environment);
    assert.match(environment, new RegExp(`^CREDROTATE_SINKS=.*${site.path('iam.json')}`, 'm'));
    assert.doesNotMatch(environment, /^(MARK|STATE_DIRECTORY|AWS_\w+)=/m);
  });

  // The site looks for secrets in all that was printed, and in the state.
  test('what a hook printed is shown to root, without secrets', { skip: needsRoot }, async (t) => {
    const site = await openSite(t);
    const file = site.path('iam.json');
    const script = `echo begun; cat ${file}; base64 ${file}; echo done >&2; exit 3`;
    const config = configure(site, { web: { type: 'exec', command: ['/bin/sh', '-c', script] } });
    const { code, stdout } = await site.run(['once', ...config]);
    assert.equal(code, 74);
    assert.match(stdout, /expected exit code 0, got 3\n +hint: sudo credrotate status shows what it printed\n/);
    assert.match(stdout, /^ +\| begun\n[^]*^ +\| .*\[secret\][^]*^ +\| done$/m);
    assert.match((await site.run(['status'])).stdout, /^ +\| begun\n[^]*\| done$/m);
    const { stdout: json } = await site.run(['status', '--json']);
    assert.doesNotMatch(json, /begun/);
    assert.match(json, /"exitCode": 3,\n +"more": "sudo credrotate status"/);
    assert.equal(statSync(site.path('state/state.json')).mode & 0o777, 0o600);
  });

  test('an image made of a host with credentials starts over, and every consumer is notified', async (t) => {
    const site = await openSite(t, { instanceId: 'i-0aaaaaaaaaaaaaaaa' });
    const [each, rare] = [makeHook(t, site.path('each')), makeHook(t, site.path('rare'))];
    const config = configure(site, {
      each: { type: 'exec', command: each.command },
      rare: { type: 'exec', command: rare.command, when: 'expiring' },
    });
    assert.equal((await site.run(['once', ...config])).code, 0);

    const clone = await openMetadata(t, { instanceId: 'i-0bbbbbbbbbbbbbbbb', lifetime: 3_600_000 });
    const env = { STATE_DIRECTORY: site.path('clone'), AWS_EC2_METADATA_SERVICE_ENDPOINT: clone.url };
    cpSync(site.path('state'), env.STATE_DIRECTORY, { recursive: true });
    const report = reportOf(await site.run(['once', '--json', ...config], { env }));
    assert.deepEqual([report.lastPass.rotated, report.source.origin.instanceId], [true, 'i-0bbbbbbbbbbbbbbbb']);
    assert.match(readFileSync(site.path('iam.json'), 'utf8'), new RegExp(clone.current().accessKeyId));
    assert.deepEqual(each.calls(), ['first 1', 'changed 2']);
    assert.deepEqual(rare.calls(), ['first 1', 'changed 2']);
  });

  test('credentials that expire earlier replace no better ones of the same instance', async (t) => {
    const site = await openSite(t);
    const config = configure(site, {});
    await site.run(['once', ...config]);
    const before = readFileSync(site.path('iam.json'), 'utf8');
    // Of the same endpoint, too: those of another one are not compared.
    site.metadata.rotate();
    site.metadata.setFaults([{ at: 'credentials', kind: 'expires-earlier', value: 3_600_000 }]);
    const { code, stdout } = await site.run(['once', ...config]);
    assert.equal(code, 0);
    assert.match(stdout, /CREDENTIALS_OLDER/);
    assert.equal(readFileSync(site.path('iam.json'), 'utf8'), before);
  });
});

/** Starts a program that nobody knows, and that ends in good order on SIGHUP; its number is in `legacy.pid`. */
function endingOnHup(t: TestContext, site: Site): () => Promise<Program> {
  const exe = privateCopy('/bin/sh', site.directory, 'unknown');
  return async () => {
    const script = 'trap "exit 0" HUP; echo ready; while :; do sleep 0.1; done';
    const program = await startProgram(t, [exe, '-c', script], { ready: 'ready' });
    writeFileSync(site.path('legacy.pid'), `${program.pid}\n`);
    return program;
  };
}
