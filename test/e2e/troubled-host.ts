import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { Site } from '../support/agent.ts';

/** A host on which much is wrong, as a doctor finds it: its configuration. It needs a metadata service with IMDSv1. */
export async function troubleHost(site: Site, t: TestContext): Promise<object> {
  for (const name of ['open', 'home/.aws']) mkdirSync(site.path(name), { mode: 0o700 });
  const iam = { path: site.path('iam.json'), format: 'json' };
  assert.equal((await site.run(['once', '--every', '1h', ...site.configure({ sinks: [iam] })])).code, 0);
  // The state is that of the instance which the image was made of, and its agent has stopped.
  edit(site.path('state/state.json'), (text) => text.replace(/i-\w+/, 'i-0fedcba9876543210'));
  const due = { at: new Date(Date.now() - 754_000).toISOString(), reason: 'max_interval' };
  edit(site.path('run/status.json'), (text) => JSON.stringify({ ...(JSON.parse(text) as object), nextPass: due }));
  chmodSync(site.path('open'), 0o777);
  writeFileSync(site.path('home/.aws/config'), '[profile app]\nrole_arn = arn:aws:iam::123456789012:role/app\n');
  const legacy = await startSleeper(site, t, 'app');
  writeFileSync(site.path('legacy.pid'), `${legacy.pid}\n`);
  await startSleeper(site, t, 'rclone');
  return {
    sinks: [
      { path: site.path('home/.aws/credentials'), format: 'aws-credentials', profile: 'app' },
      { path: site.path('open/aws.env'), format: 'dotenv', notify: ['legacy'] },
      { ...iam, notify: ['backup'] },
    ],
    consumers: {
      legacy: { type: 'signal', signal: 'SIGHUP', pid_file: site.path('legacy.pid') },
      backup: { type: 'signal', signal: 'SIGHUP', process: { exe: site.path('rclone') }, handles_signal: true },
    },
  };
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

/** A program of that name, which SIGHUP would end. */
async function startSleeper(site: Site, t: TestContext, name: string): Promise<ChildProcess> {
  copyFileSync('/bin/sleep', site.path(name));
  const child = spawn(site.path(name), ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return child;
}
