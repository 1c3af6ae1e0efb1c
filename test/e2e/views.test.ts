import assert from 'node:assert/strict';
import { chmodSync, lstatSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import type { Status } from '../../src/report/status.ts';

/** Every file and directory, and what changes when one is touched. */
function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { ino, ctimeNs } = lstatSync(join(directory, name), { bigint: true });
    return `${name} ${ino} ${ctimeNs}`;
  });
}

function config(site: Site): readonly string[] {
  const hook = { type: 'exec', command: ['/bin/true'] };
  return site.configure({
    sinks: [
      { path: site.path('c'), format: 'aws-credentials', notify: ['web', 'db'] },
      { path: site.path('e'), format: 'dotenv', mode: '0640' },
    ],
    consumers: { web: hook, db: { ...hook, tell: 'expiring' } },
  });
}

describe('status', { concurrency: 3 }, () => {
  test('shows a healthy agent on a screen of 80 columns', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...config(site)]);
    await said(agent, /web: /);
    await said(agent, /db: /);
    await eventually('both are known to be told', async () => {
      const { stdout } = await site.run(['status', '--json']);
      return (JSON.parse(stdout) as Status).consumers.every(({ result }) => result === 'told');
    });
    const { code, stdout, stderr } = await site.run(['status']);
    assert.deepEqual([code, stderr], [0, '']);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    const key = site.metadata.current().accessKeyId.slice(-4);
    for (const expected of [
      /^source {6}ok$/m,
      /^role {8}demo-role in account 123456789012 on i-0123456789abcdef0$/m,
      new RegExp(`^credentials key …${key}, expire in `, 'm'),
      /^last pass .* \(start\), rotation 1$/m,
      /^next pass {3}in /m,
      /^ {2}ok {8}\S+\/c \(aws-credentials\), written .* ago$/m,
      /^ {2}told {6}web \(exec\), knows rotation 1, since .* ago$/m,
    ])
      assert.match(stdout, expected);
  });

  test('--json gives the same to programs', async (t) => {
    const site = await openSite(t);
    await site.run(['once', ...config(site)]);
    const { code, stdout } = await site.run(['status', '--json']);
    assert.equal(code, 0);
    const status = JSON.parse(stdout) as Status;
    assert.equal(status.source.expiration, new Date(site.metadata.current().expiration).toISOString());
    assert.deepEqual(
      [status.agent.mode, status.sinks.map((sink) => sink.result), status.consumers.map((one) => one.result)],
      ['once', ['written', 'written'], ['told', 'told']],
    );
    assert.equal(status.nextPass, undefined);
    assert.equal(lstatSync(site.path('run/status.json')).mode & 0o777, 0o644);
    assert.equal(lstatSync(site.path('state/state.json')).mode & 0o777, 0o600);
  });

  test('without a pass says what to do', async (t) => {
    const site = await openSite(t);
    const { code, stderr } = await site.run(['status']);
    assert.equal(code, 75);
    assert.match(stderr, /^credrotate: AGENT_ABSENT: .*\n {2}hint: make a first pass: /);
  });
});

describe('plan', { concurrency: 3 }, () => {
  test('shows what would change, and to whom, and changes nothing', async (t) => {
    const site = await openSite(t);
    writeFileSync(site.path('e'), 'DATABASE_PASSWORD=hunter2\nAWS_SECRET_ACCESS_KEY=former-secret\n');
    const options = config(site);
    const before = snapshot(site.directory);
    const { code, stdout, stderr } = await site.run(['plan', ...options]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(snapshot(site.directory), before);
    assert.match(stdout, /^would write \S+\/c \(a new file\)$/m);
    assert.match(stdout, /^ {2}\+ aws_access_key_id = …\w{4}$/m);
    assert.match(stdout, /^would tell web$/m);
    assert.match(stdout, /^would tell db, when /m);
    assert.doesNotMatch(stdout, /hunter2|former-secret/);
  });

  test('after a pass has nothing to show but drift', async (t) => {
    const site = await openSite(t);
    const options = config(site);
    await site.run(['once', ...options]);
    assert.doesNotMatch((await site.run(['plan', ...options])).stdout, /would/);
    chmodSync(site.path('e'), 0o666);
    const { stdout } = await site.run(['plan', ...options]);
    assert.match(stdout, /^would write \S+\/e \(other mode\)$/m);
    assert.doesNotMatch(stdout, /would tell/);
  });

  test('without credentials says why', async (t) => {
    const site = await openSite(t, { role: null });
    const { code, stdout } = await site.run(['plan', ...config(site)]);
    assert.equal(code, 69);
    assert.match(stdout, /^source is no_role: nothing would be written\n +IMDS_NO_ROLE: /);
  });
});

describe('check', { concurrency: 2 }, () => {
  test('looks at configuration and sinks, without the network', async (t) => {
    const site = await openSite(t);
    const options = config(site);
    const before = snapshot(site.directory);
    const { code, stdout, stderr } = await site.run(['check', ...options]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /c\.yaml: ok, 2 sinks, 2 consumers\nok {8}\S+\/c \(will be created\)\n/);
    assert.deepEqual(snapshot(site.directory), before);
    assert.deepEqual(site.metadata.requests, []);
  });

  test('names a sink that would be refused', async (t) => {
    const site = await openSite(t);
    writeFileSync(site.path('c'), 'garbage\n');
    const { code, stdout } = await site.run(['check', ...config(site)]);
    assert.equal(code, 77);
    assert.match(stdout, /^refused {3}\S+\/c\n +SINK_FORMAT_REFUSED: .*\n +hint: /m);
    assert.deepEqual(site.metadata.requests, []);
  });
});
