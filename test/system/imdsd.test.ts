import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tally } from '../faults/tally.ts';
import { openSite } from '../support/agent.ts';
import { openLockedInstance } from './namespace.ts';

test('a host on which systemd-imdsd has locked the metadata service', async (t) => {
  const space = await openLockedInstance(t);
  const site = await openSite(t);
  const sink = site.path('aws.env');
  const option = site.configure({ sinks: [{ path: sink, format: 'dotenv' }] });
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: undefined };
  const run = (...args: readonly string[]) => site.run([...args, ...option], { through: space.enter, env });
  await tally(
    t,
    'locked by systemd-imdsd, it is asked in place of the service; without it, the error says so',
    async (attempt) => {
      await attempt(async () => {
        const { code, stdout, stderr } = await run('once');
        assert.equal(code, 0, stdout + stderr);
        assert.match(readFileSync(sink, 'utf8'), /^AWS_ACCESS_KEY_ID=\w+$/m);
      });
      await attempt(async () => {
        const { stdout } = await run('doctor');
        assert.match(stdout, /credrotate asks it in\s+place of the metadata service/);
      });
      await attempt(async () => {
        assert.equal((await space.run('rm', '/run/systemd/io.systemd.InstanceMetadata')).code, 0);
        const { code, stdout, stderr } = await run('once');
        assert.equal(code, 0, 'what is there is still valid');
        assert.match(stdout + stderr, /IMDS_UNREACHABLE.*ENOENT on connect/);
        assert.match(stdout + stderr, /systemctl enable --now systemd-imdsd\.socket/);
        const wrong = await run('doctor');
        assert.match(wrong.stdout, /does not\s+answer in its place/);
      });
    },
  );
});
