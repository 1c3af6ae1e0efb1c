import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as v from 'valibot';
import { type Report, reportSchema } from '../../src/report/schema.ts';
import { openSite, said, type Site } from '../support/agent.ts';

/** One schema for all that is reported: monitoring reads every command in the same way. */

function reportOf(stdout: string): Report {
  const value: unknown = JSON.parse(stdout);
  const report = v.parse(reportSchema, value);
  // Nothing beside it, which the schema would pass over.
  assert.deepEqual(report, value);
  return report;
}

async function ask(site: Site, args: readonly string[]): Promise<Report> {
  const { code, stdout } = await site.run([...args, '--json']);
  const report = reportOf(stdout);
  assert.equal(report.exitCode, code);
  assert.equal(report.command, args[0] === 'lockdown' ? 'lockdown status' : args[0]);
  return report;
}

function configure(site: Site): readonly string[] {
  writeFileSync(site.path('refused'), 'garbage\n');
  const consumers = { hook: { type: 'exec', command: ['/nonexistent/hook'] } };
  return site.configure({
    sinks: [
      { path: site.path('a'), format: 'dotenv', notify: ['hook'] },
      { path: site.path('refused'), format: 'aws-credentials' },
    ],
    consumers,
  });
}

describe('every command reports by one schema', { concurrency: 3 }, () => {
  test('plan, check, once, status, doctor and forget, where not all is well', async (t) => {
    const site = await openSite(t);
    const config = configure(site);
    const plan = await ask(site, ['plan', ...config]);
    assert.deepEqual([plan.exitCode, plan.source?.state, plan.sinks?.[0]?.result], [77, 'ok', 'written']);
    assert.ok(plan.sinks?.[0]?.diff?.some((line) => line.startsWith('+ AWS_ACCESS_KEY_ID')));
    assert.deepEqual(
      plan.consumers?.map(({ name }) => name),
      ['hook'],
    );
    for (const args of [['once', '--every', '1h'], ['status'], ['doctor']]) {
      const report = await ask(site, args[0] === 'status' ? args : [...args, ...config]);
      assert.equal(report.level, 'critical');
      assert.ok(report.findings.length > 0);
    }
    const forget = await ask(site, ['forget', '--all', '--dry-run', ...config]);
    assert.deepEqual(
      forget.sinks?.map(({ result }) => result),
      ['removed', 'refused'],
    );
    assert.equal((await ask(site, ['forget', '--all', ...config])).exitCode, 77);
  });

  test('refresh, by the agent', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...site.configure({ sinks: [{ path: site.path('a'), format: 'json' }] })]);
    await said(agent, /rotation 1/);
    assert.equal((await ask(site, ['refresh'])).level, 'ok');
  });

  test('lockdown status', async (t) => {
    const site = await openSite(t);
    const report = await ask(site, ['lockdown', 'status', ...site.configure({ sinks: [] })]);
    assert.ok(report.lockdown);
  });
});

describe('check says what a pass would end with', { concurrency: 3 }, () => {
  test('73, 74, 77 and 78, and of each what and why', async (t) => {
    const site = await openSite(t);
    const sink = { path: site.path('a'), format: 'dotenv', notify: ['hook'] };
    const hook = { type: 'exec', command: ['/bin/true'] };
    const cases: readonly (readonly [config: object | string, code: number, id: string | undefined])[] = [
      [{ sinks: [sink], consumers: { hook } }, 0, undefined],
      [{ sinks: [sink], consumers: { hook: { ...hook, command: ['/nonexistent'] } } }, 74, 'consumer-refused'],
      [{ sinks: [sink], consumers: { hook: { ...hook, user: 'nobody-of-that-name' } } }, 74, 'consumer-refused'],
      [{ sinks: [{ ...sink, owner: 'nobody-of-that-name' }], consumers: { hook } }, 73, 'sink-refused'],
      [{ sinks: [{ ...sink, path: '/tmp/credrotate-sticky' }], consumers: { hook } }, 77, 'sink-refused'],
      ['sinks: {\n', 78, 'config-refused'],
    ];
    for (const [config, code, id] of cases) {
      const options = site.configure(config);
      const { stdout, ...result } = await site.run(['check', '--json', ...options]);
      const { findings, exitCode } = reportOf(stdout);
      assert.deepEqual([result.code, exitCode], [code, code], stdout);
      const errors = findings.filter(({ severity }) => severity === 'error');
      assert.deepEqual([errors[0]?.id, errors.every(({ remedy }) => remedy.text !== '')], [id, true]);
    }
    assert.deepEqual(site.metadata.requests, []);
  });

  test('with --online what the source answers', async (t) => {
    const site = await openSite(t, { role: null });
    const options = site.configure({ sinks: [{ path: site.path('a'), format: 'json' }] });
    assert.equal((await site.run(['check', ...options])).code, 0);
    assert.deepEqual(site.metadata.requests, []);
    const { code, stdout } = await site.run(['check', '--online', ...options]);
    assert.equal(code, 69);
    assert.match(stdout, /IMDS_NO_ROLE/);
  });
});
