import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Report } from '../../src/report/schema.ts';
import { openSite, type Site } from '../support/agent.ts';

/** Every file and directory, and what changes when one is touched. */
function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { ino, ctimeNs } = lstatSync(join(directory, name), { bigint: true });
    return `${name} ${ino} ${ctimeNs}`;
  });
}

function configure(site: Site): readonly string[] {
  const hook = { type: 'exec', command: ['/bin/true', 'argument'] };
  writeFileSync(site.path('e'), 'DATABASE_PASSWORD=hunter2\nAWS_SECRET_ACCESS_KEY=former-secret\n');
  return site.configure({
    sinks: [
      { path: site.path('c'), format: 'aws-credentials', notify: ['web', 'db'] },
      { path: site.path('e'), format: 'dotenv', mode: '0640', notify: ['legacy'] },
      { path: site.path('j'), format: 'json', shape: 'process' },
    ],
    consumers: {
      web: hook,
      db: { ...hook, when: 'expiring' },
      legacy: { type: 'signal', signal: 'SIGHUP', pid_file: '/run/no-legacy.pid' },
    },
  });
}

/** What differs from run to run has names instead. */
function steady(site: Site, text: string): string {
  return text
    .replaceAll(site.directory, '/site')
    .replaceAll(`…${site.metadata.current().accessKeyId.slice(-4)}`, '…TAIL')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'MOMENT')
    .replace(/expires in [^;]+;/, 'expires in LIFE;')
    .replace(/(?<=IMDS_NO_ROLE: ).*/, 'ERROR')
    .replace(/(?<=hint: ).*/, 'HINT');
}

const FIRST = `\
source ok: key …TAIL of role demo-role, expires in LIFE; new
would write /site/c: a new file of mode 0600
  + # Kept by credrotate, changes to these keys are overwritten
  + [default]
  + aws_access_key_id = …TAIL
  + aws_secret_access_key = [not shown]
  + aws_session_token = [not shown]
would write /site/e: other bytes, mode 0644 instead of 0640
  - AWS_SECRET_ACCESS_KEY= [not shown]
  + AWS_SECRET_ACCESS_KEY= [not shown]
  + AWS_ACCESS_KEY_ID= …TAIL
  + AWS_SESSION_TOKEN= [not shown]
  + AWS_CREDENTIAL_EXPIRATION= MOMENT
would write /site/j: a new file of mode 0600
  + {
  +   "Version" : [not shown]
  +   "AccessKeyId" : …TAIL
  +   "SecretAccessKey" : [not shown]
  +   "SessionToken" : [not shown]
  +   "Expiration" : MOMENT
  +   "AccountId" : [not shown]
  + }
would notify web: run /bin/true
would notify db: run /bin/true
would not notify legacy: no /run/no-legacy.pid
would write 3 of 3 sinks and notify 2 consumers
`;

const UNKNOWN = `\
source no_role: no credentials; nothing would be written
          IMDS_NO_ROLE: ERROR
          hint: HINT
unknown   /site/c
unknown   /site/e
unknown   /site/j
`;

const DURING_OUTAGE = `\
source no_role: key …TAIL of role demo-role, expires in LIFE; nothing would be written
          IMDS_NO_ROLE: ERROR
          hint: HINT
unchanged /site/c
outdated  /site/e
          SINK_OUTDATED: /site/e: expected a file with the current credentials, got one that is not as it was written, and there are none to write
outdated  /site/j
          SINK_OUTDATED: /site/j: expected a file with the current credentials, got none, and there are none to write
would not notify legacy: no /run/no-legacy.pid
`;

const DRIFTED = `\
source ok: key …TAIL of role demo-role, expires in LIFE; nothing new
unchanged /site/c
would write /site/e: mode 0666 instead of 0640
unchanged /site/j
would not notify legacy: no /run/no-legacy.pid
would write 1 of 3 sinks and notify nobody
`;

describe('plan', { concurrency: 3 }, () => {
  test('shows what would change, and to whom, and changes nothing', async (t) => {
    const site = await openSite(t);
    const options = configure(site);
    const before = snapshot(site.directory);
    const { code, stdout, stderr } = await site.run(['plan', ...options]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(steady(site, stdout), FIRST);
    assert.deepEqual(snapshot(site.directory), before);
  });

  test('after a pass has nothing to show but drift, and who is still to be notified', async (t) => {
    const site = await openSite(t);
    const plain = site.configure({ sinks: [{ path: site.path('j'), format: 'json', shape: 'process' }] });
    await site.run(['once', ...plain]);
    assert.match((await site.run(['plan', ...plain])).stdout, /^unchanged \S+\/j\nnothing would change\n$/m);
    const options = configure(site);
    await site.run(['once', ...options]);
    chmodSync(site.path('e'), 0o666);
    assert.equal(steady(site, (await site.run(['plan', ...options])).stdout), DRIFTED);
  });

  test('without credentials says why, what is known of each sink, and whom a pass would notify', async (t) => {
    const site = await openSite(t, { role: null });
    const options = configure(site);
    const never = await site.run(['plan', ...options]);
    assert.deepEqual([never.code, steady(site, never.stdout)], [69, UNKNOWN]);

    site.metadata.setRole('demo-role');
    await site.run(['once', ...options]);
    const tail = site.metadata.current().accessKeyId.slice(-4);
    site.metadata.setRole(null);
    chmodSync(site.path('e'), 0o666);
    rmSync(site.path('j'));
    const before = snapshot(site.directory);
    const { code, stdout } = await site.run(['plan', ...options]);
    assert.deepEqual([code, steady(site, stdout.replace(tail, 'TAIL'))], [75, DURING_OUTAGE]);
    const report = JSON.parse((await site.run(['plan', '--json', ...options])).stdout) as Report;
    assert.deepEqual(
      report.sinks?.map(({ result, drift }) => [result, drift]),
      [
        ['unchanged', []],
        ['outdated', ['bytes', 'mode']],
        ['outdated', ['missing']],
      ],
    );
    assert.deepEqual(report.findings.map(({ id }) => id).toSorted(), [
      'sink-outdated',
      'sink-outdated',
      'source-failing',
    ]);
    assert.deepEqual(snapshot(site.directory), before);
  });

  test('takes credentials that expire earlier where nobody has the better ones any more, as a pass does', async (t) => {
    const site = await openSite(t);
    const options = site.configure({ sinks: [{ path: site.path('j'), format: 'json', shape: 'process' }] });
    await site.run(['once', ...options]);
    const path = site.path('state/state.json');
    const state = readFileSync(path, 'utf8');
    const later = (_: string, at: string): string => `"expiration": ${Number(at) + 3_600_000}`;
    writeFileSync(path, state.replaceAll(/"expiration": (\d+)/g, later));
    site.metadata.rotate();
    assert.match(
      (await site.run(['plan', ...options])).stdout,
      /nothing would be written\n +CREDENTIALS_OLDER: [^]*^unchanged /m,
    );
    rmSync(site.path('j'));
    const { code, stdout } = await site.run(['plan', ...options]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^would write \S+\/j: /m);
  });

  test('names a sink that would be refused, beside the others', async (t) => {
    const site = await openSite(t);
    const options = configure(site);
    writeFileSync(site.path('c'), 'garbage\n');
    const { code, stdout } = await site.run(['plan', ...options]);
    assert.equal(code, 77);
    assert.match(stdout, /^refused {3}\S+\/c\n +SINK_FORMAT_REFUSED: .*\n +hint: .*\nwould write \S+\/e/m);
    assert.match(stdout, /^would write 2 of 3 sinks and notify nobody$/m);
  });

  test('is coloured on a terminal that wants it, and the same otherwise', async (t) => {
    if (spawnSync('script', ['--version']).status !== 0) {
      t.skip('needs script (package bsdutils or util-linux)');
      return;
    }
    const site = await openSite(t);
    const options = configure(site);
    const onTerminal = async (env: Readonly<Record<string, string>>): Promise<string> => {
      const through = ['/bin/sh', '-c', 'script -qec "$*" /dev/null', 'sh'];
      return (await site.run(['plan', ...options], { through, env })).stdout.replaceAll('\r\n', '\n');
    };
    const coloured = await onTerminal({ TERM: 'xterm-256color' });
    assert.ok(coloured.includes('\u{1b}[32m  + AWS_SESSION_TOKEN= [not shown]\u{1b}[39m\n'));
    assert.ok(coloured.includes('\u{1b}[31m  - AWS_SECRET_ACCESS_KEY= [not shown]\u{1b}[39m\n'));
    for (const env of [{ TERM: 'xterm-256color', NO_COLOR: '1' }, { TERM: 'dumb' }])
      assert.equal(steady(site, (await onTerminal(env)).replace('\n    0640', ' 0640')), FIRST);
  });
});
