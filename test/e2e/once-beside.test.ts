import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { openSite, said } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

test('once --wait beside a running agent waits for a role that arrives late', async (t) => {
  const site = await openSite(t, { role: null });
  const config = site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }] });
  await said(site.start(['run', ...config]), /source is no_role/);
  assert.equal((await site.run(['once', ...config])).code, 69);
  assert.equal((await site.run(['once', '--wait', '1s', ...config])).code, 69);
  const asked = site.metadata.requests.length;
  const once = site.start(['once', '--wait', '1m', ...config]);
  await eventually('it has been refused', () => site.metadata.requests.length > asked);
  site.metadata.setRole('late');
  assert.equal((await once.ended).code, 0);
  assert.match(readFileSync(site.path('iam.json'), 'utf8'), /"AccessKeyId"/);
});

test('run beside a one-shot that waits begins when that ends', async (t) => {
  const site = await openSite(t, { role: null });
  const config = site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }] });
  const once = site.start(['once', '--wait', '1m', ...config]);
  await eventually('it waits', () => site.metadata.requests.length > 0);
  const agent = site.start(['run', ...config]);
  await said(agent, /waiting for a one-shot/);
  site.metadata.setRole('late');
  await said(agent, /keeps 1 sink fresh/);
  assert.equal((await once.ended).code, 0);
  assert.equal((await agent.stop()).code, 0);
});

// Cause: until it had begun, SIGHUP ended it; a unit may be reloaded once startup_wait is over.
test('run beside a one-shot that waits takes a reload to heart', async (t) => {
  const site = await openSite(t, { role: null });
  const sinks = ['one.json', 'two.json'].map((name) => ({ path: site.path(name), format: 'json' }));
  const config = site.configure({ sinks: sinks.slice(0, 1) });
  const once = site.start(['once', '--wait', '1m', ...config]);
  await eventually('it waits', () => site.metadata.requests.length > 0);
  const agent = site.start(['run', ...config]);
  await said(agent, /waiting for a one-shot/);
  site.configure({ sinks });
  agent.process.kill('SIGHUP');
  site.metadata.setRole('late');
  await said(agent, /configuration read again/);
  assert.equal((await once.ended).code, 0);
  await eventually('the new file is there', () => existsSync(site.path('two.json')));
  assert.equal((await agent.stop()).code, 0);
});
