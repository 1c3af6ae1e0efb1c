import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderSchema } from '../../scripts/schema.ts';
import { openSite } from '../support/agent.ts';

test('explain says what an error means that was just printed', async (t) => {
  const site = await openSite(t, { role: null });
  const { stderr } = await site.run(['export']);
  const code = /^credrotate: ([A-Z_]+): /.exec(stderr)?.[1] ?? stderr;
  const { stdout, ...ended } = await site.run(['explain', code]);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
  assert.match(
    stdout,
    /^IMDS_NO_ROLE: the instance has no role\n[^]*\nWhat to do:\n {2}- Attach one: [^]*\nExit code 69 /,
  );
});

test('explain without a code lists all', async (t) => {
  const site = await openSite(t);
  const { code, stdout } = await site.run(['explain']);
  assert.equal(code, 0);
  assert.match(stdout, /^ {2}CONFIG_INVALID [^]*^Exit codes:\n {3}0 {2}done/m);
});

test('explain of an unknown code says which was meant', async (t) => {
  const site = await openSite(t);
  const { code, stdout, stderr } = await site.run(['explain', 'SINK_UNSAFE']);
  assert.deepEqual([code, stdout], [64, '']);
  assert.match(stderr, /got "SINK_UNSAFE"\n {2}hint: did you mean SINK_UNSAFE_PATH\?\n$/);
});

test('config schema prints the JSON Schema', async (t) => {
  const site = await openSite(t);
  const { code, stdout } = await site.run(['config', 'schema']);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), JSON.parse(await renderSchema()));
});

test('complete keeps silent, whatever is wrong', async (t) => {
  const site = await openSite(t);
  const wrong = site.configure('sinks: {\n');
  for (const args of [wrong, ['--config', site.path('none.yaml')], site.configure({ sinks: [] })]) {
    const { code, stdout, stderr } = await site.run(['complete', 'bash', 'forget', ...args, '']);
    assert.deepEqual([code, stdout, stderr], [0, '', '']);
  }
  const { code, stdout } = await site.run(['complete', 'bash', 'constructor', '']);
  assert.deepEqual([code, stdout.includes('forget')], [0, true]);
});
