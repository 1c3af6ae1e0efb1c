import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { renderReportSchema } from '../../scripts/schema.ts';
import type { StatusReport } from '../../src/report/report.ts';
import { accepts } from '../config/json-schema.ts';
import { openSite, said, type Running, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { startDaemon } from '../support/programs.ts';
import { hasTool } from '../support/tools.ts';

const SCHEMA = readFileSync(join(import.meta.dirname, '../../packaging/schema/report.schema.json'), 'utf8');

function config(site: Site): readonly string[] {
  const hook = { type: 'exec', command: ['/bin/true'] };
  return site.configure({
    sinks: [
      { path: site.path('c'), format: 'aws-credentials', notify: ['web', 'db'] },
      { path: site.path('e'), format: 'dotenv', mode: '0640' },
    ],
    consumers: { web: hook, db: { ...hook, when: 'expiring' } },
    // No load is to keep the account, or the credentials, from the first pass.
    imds: { timeout: '30s' },
    metrics: { textfile: site.path('metrics/credrotate.prom') },
  });
}

async function statusOf(site: Site): Promise<StatusReport> {
  return JSON.parse((await site.run(['status', '--json'])).stdout) as StatusReport;
}

/** Of 12 rows and 80 columns. */
function onTerminal(site: Site, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const shell = 'exec script -qec "stty rows 12 cols 80; exec $0 $*" /dev/null';
  return site.start(args, { through: ['/bin/sh', '-c', shell], stdio: 'pipe', env: { TERM: 'xterm', ...env } });
}

describe('status', { concurrency: 3 }, () => {
  test('shows a healthy agent on a screen of 80 columns, without colours', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...config(site)]);
    await said(agent, /web: /);
    await said(agent, /db: /);
    await eventually('both are known to be notified', async () =>
      (await statusOf(site)).consumers.every(({ result }) => result === 'notified'),
    );
    const { code, stdout, stderr } = await site.run(['status'], { env: { FORCE_COLOR: '1' } });
    assert.deepEqual([code, stderr], [0, '']);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80 || line.includes(site.directory), line);
    const key = site.metadata.current().accessKeyId.slice(-4);
    for (const expected of [
      /^OK {10}2 sinks up to date, credentials good for /,
      /^source {6}ok, role demo-role, account 123456789012, i-0123456789abcdef0,\n {12}http:/m,
      new RegExp(`^credentials key …${key} of rotation 1, fetched .* ago$`, 'm'),
      /^life {8}━+ {2}/m,
      /^last pass .* \(start\), by version \S+, pid \d+$/m,
      /^next pass {3}in .*, by the agent \(max interval\)$/m,
      /^ {2}ok {8}\S+\/c\n {12}aws-credentials, written .* ago, read\s+detection\s+starts\s+with\s+the\s+next\s+pass$/m,
      /^ {2}notified {2}web \(exec\)\n {12}notified of rotation 1, [^;]+ ago; /m,
    ])
      assert.match(stdout, expected);
  });

  test('--json gives the same to programs, as its schema says', async (t) => {
    const site = await openSite(t);
    await site.run(['once', '--every', '1h', ...config(site)]);
    const status = await statusOf(site);
    assert.equal(SCHEMA, await renderReportSchema());
    assert.ok(accepts(JSON.parse(SCHEMA), status));
    assert.ok(!accepts(JSON.parse(SCHEMA), { ...status, generation: 'one' }));
    assert.equal(status.source.expiration, new Date(site.metadata.current().expiration).toISOString());
    assert.deepEqual(
      [status.agent.mode, status.sinks.map((sink) => sink.result), status.consumers.map((one) => one.result)],
      ['once', ['written', 'written'], ['notified', 'notified']],
    );
    assert.equal(status.nextPass.by, 'period');
    assert.equal(lstatSync(site.path('run/status.json')).mode & 0o777, 0o644);
    assert.equal(lstatSync(site.path('state/state.json')).mode & 0o777, 0o600);
  });

  test('--check is a monitoring plugin', async (t) => {
    const site = await openSite(t);
    const options = config(site);
    const missing = await site.run(['status', '--check']);
    assert.equal(missing.code, 3);
    assert.match(missing.stdout, /^CREDROTATE UNKNOWN - \S+\/status\.json: no status there: ENOENT on open\n$/);
    await site.run(['once', '--every', '1h', ...options]);
    const ok = await site.run(['status', '--check']);
    assert.equal(ok.code, 0);
    assert.match(ok.stdout, /^CREDROTATE OK - 2 sinks up to date, credentials good for [^|\n]+ \| expiry=\d+s\n$/);
    site.metadata.setRole(null);
    assert.equal((await site.run(['once', '--every', '1h', ...options])).code, 0);
    const warning = await site.run(['status', '--check']);
    assert.equal(warning.code, 1);
    assert.match(
      warning.stdout,
      /^CREDROTATE WARNING - source: gives nothing new for .*the source is no_role; IMDS_NO_ROLE: /,
    );
    assert.equal((await site.run(['status'])).code, 0);
    writeFileSync(site.path('e'), 'x\0');
    site.metadata.setRole('other');
    await site.run(['once', '--every', '1h', ...options]);
    const critical = await site.run(['status', '--check']);
    assert.equal(critical.code, 2, critical.stdout);
    assert.match(critical.stdout, /^CREDROTATE CRITICAL - \S+\/e: not up to date for \d+ s \(SINK_FORMAT_REFUSED: /);
  });

  test('names a process that goes on with what it read before', async (t) => {
    const site = await openSite(t);
    const daemon = await startDaemon(t, site.path('legacy'), false);
    const options = site.configure({
      sinks: [{ path: site.path('iam.json'), format: 'json', notify: ['legacy'] }],
      consumers: { legacy: { type: 'signal', pid_file: daemon.pidFile } },
    });
    await site.run(['once', '--every', '1h', ...options]);
    const { code, stdout } = await site.run(['status']);
    assert.equal(code, 74);
    assert.match(stdout, /^WARNING {5}legacy: notification pending for /);
    const former = `^ {2}pending {3}legacy \\(signal\\)\\n.*\\n {12}still using former keys: pid ${daemon.pid}, running for \\d+ s\\n`;
    assert.match(stdout, new RegExp(former, 'm'));
    const started = (await statusOf(site)).consumers[0]?.usingFormer?.[0]?.startedAt ?? '';
    assert.ok(Math.abs(Date.parse(started) - statSync(daemon.pidFile).ctimeMs) < limit(2_000));
    await daemon.arm();
    await site.run(['once', '--every', '1h', ...options]);
    assert.equal((await statusOf(site)).consumers[0]?.usingFormer, undefined);
  });

  test('without a usable status says what to do', async (t) => {
    const site = await openSite(t);
    const absent = await site.run(['status']);
    assert.equal(absent.code, 75);
    assert.match(absent.stderr, /^credrotate: AGENT_ABSENT: .*\n {2}hint: make a first pass: /);
    const path = site.path('run/status.json');
    for (const text of ['', '{', '[]', '{"version":2}', '{"version":1,"writtenAt":"now"}', '\0'.repeat(100)]) {
      writeFileSync(path, text);
      const { code, stdout, stderr } = await site.run(['status', '--json']);
      assert.deepEqual([code, stdout], [75, '']);
      assert.match(
        stderr,
        /^credrotate: AGENT_ABSENT: \S+: expected a status of this version .*\n {2}hint: have it written/,
      );
    }
    // Who has none of their own is shown that of the system.
    const user = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
    const env = { RUNTIME_DIRECTORY: undefined, XDG_RUNTIME_DIR: '/proc/nonexistent' };
    const { stdout, stderr } = await site.run(['status', '--check'], { through: user, env });
    assert.match(stdout + stderr, /\/run\/credrotate\/status\.json: no status there|^CREDROTATE /);
    truncateSync(path, 17 * 1024 * 1024);
    assert.match((await site.run(['status'])).stderr, /AGENT_ABSENT: \S+: expected a status/);
  });

  test('--watch wants a terminal, and leaves it as it was', async (t) => {
    if (!hasTool('script')) {
      t.skip('needs script, of the package bsdutils, for a terminal');
      return;
    }
    const site = await openSite(t);
    const piped = await site.run(['status', '--watch']);
    assert.equal(piped.code, 64);
    assert.match(piped.stderr, /^credrotate: USAGE: expected a terminal /);
    await site.run(['once', '--every', '1h', ...config(site)]);
    assert.match((await onTerminal(site, ['status']).ended).stdout, /^\u001b\[32mOK\u001b\[39m {10}/);
    assert.match((await onTerminal(site, ['status'], { NO_COLOR: '1' }).ended).stdout, /^OK {10}/);
    const watching = onTerminal(site, ['status', '--watch']);
    await said(watching, /\u001b\[\?1049h\u001b\[\?25l\u001b\[H\u001b\[2J\u001b\[32mOK/);
    assert.match(watching.output(), /\.\.\. \d+ more lines$/, 'only what fits');
    await eventually('drawn again', () => watching.output().split('\u001b[2J').length > 2);
    watching.process.stdin?.write('\u0003');
    const { code, stdout } = await watching.ended;
    assert.equal(code, 0);
    assert.match(stdout, /\u001b\[\?25h\u001b\[\?1049l$/);
  });
});

describe('metrics', { concurrency: 2 }, () => {
  test('are written after each pass, and counters go on in the next process', async (t) => {
    const site = await openSite(t);
    const options = config(site);
    const first = await site.run(['once', '--every', '1h', ...options]);
    assert.match(first.stderr, /credrotate\.prom: not written: ENOENT/);
    mkdirSync(site.path('metrics'), { mode: 0o755 });
    const read = (): string => readFileSync(site.path('metrics/credrotate.prom'), 'utf8');
    await site.run(['once', '--every', '1h', ...options]);
    site.metadata.rotate();
    const { code, stderr } = await site.run(['once', '--every', '1h', ...options]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(lstatSync(site.path('metrics/credrotate.prom')).mode & 0o7777, 0o644);
    for (const line of [
      'credrotate_rotations_total 2',
      `credrotate_sink_writes_total{path="${site.path('c')}",part="[default]"} 2`,
      'credrotate_consumer_notifications_total{consumer="web",result="notified"} 2',
      'credrotate_source_state{state="ok"} 1',
      'credrotate_imds_requests_total{code="200"} 10',
    ])
      assert.ok(read().split('\n').includes(line), `${line} in\n${read()}`);
    const { accessKeyId } = site.metadata.current();
    assert.ok(!read().includes(accessKeyId.slice(-4)));
  });
});
