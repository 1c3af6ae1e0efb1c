import assert from 'node:assert/strict';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { FINDING_IDS } from '../../src/core/findings.ts';
import { skipsWithoutRoot } from '../support/acting.ts';
import { openSite, reportOf, said, type Ended, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

/** What a new administrator once ran into, and was told that all is well, or sent the wrong way. */

const EVERY = ['--every', '1h'] as const;

function configure(site: Site, names: readonly string[], more: object = {}): readonly string[] {
  return site.configure({ sinks: names.map((name) => ({ path: site.path(name), format: 'json' })), ...more });
}

async function check(site: Site): Promise<Ended> {
  return await site.run(['status', '--check']);
}

describe('doctor and check know what status knows', { concurrency: 2 }, () => {
  test('a program that fails, a consumer that is pending, a unit that is not there, a file that is refused', async (t) => {
    const site = await openSite(t);
    writeFileSync(site.path('garbage'), 'garbage\n');
    const config = site.configure({
      sinks: [
        { path: site.path('a'), format: 'json', notify: ['hook', 'unit'] },
        { path: site.path('garbage'), format: 'aws-credentials' },
      ],
      consumers: {
        hook: { type: 'exec', command: ['/bin/false'] },
        unit: { type: 'systemd', unit: 'credrotate-no-such.service' },
      },
    });
    await site.run(['once', ...EVERY, ...config]);
    const doctor = await site.run(['doctor', ...config]);
    assert.match(doctor.stdout, /^warning hook {2}consumer-pending$/m);
    assert.match(doctor.stdout, /^error {3}\S+\/garbage {2}sink-refused$/m);
    const checked = await site.run(['check', ...config]);
    assert.equal(checked.code, 77);
    assert.match(checked.stdout, /^refused {3}\S+\/garbage\n {10}SINK_FORMAT_REFUSED: /m);
    // Without systemd nobody can look for a unit; with it, it is missing.
    for (const { stdout } of [doctor, checked]) assert.match(stdout, /unit/);
  });

  test('a mode that lets everybody read is said before and after', async (t) => {
    const site = await openSite(t);
    const config = site.configure({ sinks: [{ path: site.path('a'), format: 'json', mode: '0666' }] });
    const { code, stdout, stderr } = await site.run(['check', ...config]);
    assert.match(stdout + stderr, /sinks\[0\]\.mode: /);
    assert.notEqual(code, 0);
  });
});

describe('a state has a cause and a since', { concurrency: 2 }, () => {
  test('in --check, and goes on from one process to the next', async (t) => {
    const site = await openSite(t);
    const config = configure(site, ['a']);
    await site.run(['once', ...EVERY, ...config]);
    site.metadata.setFaults([{ at: 'credentials', kind: 'denied' }]);
    await site.run(['once', ...EVERY, ...config]);
    const since = async (): Promise<string | undefined> =>
      reportOf(await site.run(['status', '--json'])).findings[0]?.since;
    const first = await since();
    await site.run(['once', ...EVERY, ...config]);
    assert.deepEqual([await since(), first !== undefined], [first, true]);
    const { code, stdout } = await check(site);
    assert.equal(code, 1);
    assert.match(
      stdout,
      /source: gives nothing new for \d+ s \(credentials good for .*; the source is denied; IMDS_DENIED: /,
    );
  });

  test('a clock that is wrong, since it was first seen', async (t) => {
    const site = await openSite(t, { faults: [{ at: 'any', kind: 'skew', value: 7_200_000 }] });
    const config = configure(site, ['a']);
    const seen = async (): Promise<string | undefined> => {
      await site.run(['once', ...EVERY, ...config]);
      const { findings } = reportOf(await site.run(['status', '--json']));
      return findings.find(({ id }) => id === 'clock-skew')?.since;
    };
    const first = await seen();
    assert.ok(first);
    assert.equal(await seen(), first);
  });

  test('a new sink is written, and only what somebody changed is repaired: from what', async (t) => {
    const site = await openSite(t);
    await site.run(['once', ...EVERY, ...configure(site, ['a'])]);
    const config = configure(site, ['a', 'b']);
    assert.match((await site.run(['once', ...EVERY, ...config])).stdout, /^unchanged \S+\/a\nwritten {3}\S+\/b$/m);
    chmodSync(site.path('a'), 0o666);
    rmSync(site.path('b'));
    const { stdout } = await site.run(['once', ...EVERY, ...config]);
    assert.match(
      stdout,
      /^repaired {2}\S+\/a \(mode 0666 instead of 0600\)\nrepaired {2}\S+\/b \(the file was removed\)$/m,
    );
  });
});

describe('a hint leads on', { concurrency: 3 }, () => {
  test('of every finding explain says more, and doctor does not send to itself', async (t) => {
    const site = await openSite(t);
    const { stdout } = await site.run(['explain']);
    for (const id of FINDING_IDS) assert.match(stdout, new RegExp(`^ {2}${id}$`, 'm'));
    const config = configure(site, ['a'], { imds: { attempts: 1 } });
    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    const doctor = await site.run(['doctor', ...config]);
    assert.equal(doctor.code, 78);
    assert.doesNotMatch(doctor.stdout, /credrotate doctor/);
  });

  test('a role that is listed and has no credentials is not to be attached', async (t) => {
    const site = await openSite(t, { faults: [{ at: 'credentials', kind: 'status', value: 404 }] });
    const { stdout } = await site.run(['once', ...EVERY, ...configure(site, ['a'], { imds: { attempts: 1 } })]);
    assert.match(stdout, /^ +hint: /m);
    assert.doesNotMatch(stdout, /hint: attach/);
  });

  test('a port that is none is no question of HTTP', async (t) => {
    const site = await openSite(t);
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:99999' };
    const { stdout, stderr } = await site.run(['once', ...configure(site, ['a'])], { env });
    assert.match(stdout + stderr, /hint: correct its host, or its port, which is at most 65535/);
  });

  test('without a way to IPv6 that is the cause', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const site = await openSite(t);
    // In a network of its own nothing leads anywhere.
    const config = configure(site, ['a'], { imds: { endpoint: 'http://[fd00:ec2::254]', attempts: 1 } });
    const { code, stdout } = await site.run(['once', ...config], { through: ['unshare', '-n'] });
    assert.equal(code, 75);
    assert.match(stdout, /hint: .*IPv6/i);
  });

  test('where one-shots make the passes nobody is told to start the agent, which would end them', async (t) => {
    const site = await openSite(t);
    await site.run(['once', ...EVERY, ...configure(site, ['a'])]);
    const { stderr } = await site.run(['refresh']);
    assert.match(stderr, /hint: have a one-shot make it: .*credrotate once\n/);
    assert.doesNotMatch(stderr, /systemctl start credrotate\n/);
  });
});

describe('times and tries', { concurrency: 2 }, () => {
  test('once reports in RFC 3339, and counts no thousands of days beside a clock that is wrong', async (t) => {
    const site = await openSite(t, { faults: [{ at: 'any', kind: 'skew', value: -86_400_000 }] });
    const { source, at } = reportOf(await site.run(['once', '--json', ...EVERY, ...configure(site, ['a'])]));
    for (const time of [source.expiration, source.since, at]) assert.match(time ?? '', /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.doesNotMatch((await site.run(['status'])).stdout, /\d{3,} d /);
  });

  test('an answer that is torn or empty once is asked for again, and odd variables count as the SDKs take them', async (t) => {
    const site = await openSite(t);
    const env = { AWS_METADATA_SERVICE_TIMEOUT: '.5', AWS_EC2_INSTANCE_PROFILE_NAME: '' };
    for (const kind of ['torn', 'html', 'cut'] as const) {
      site.metadata.setFaults([{ at: 'credentials', kind, times: 1 }]);
      const { code, stdout } = await site.run(['once', ...EVERY, ...configure(site, ['a'])], { env });
      assert.equal(code, 0, stdout);
      rmSync(site.path('a'));
    }
  });

  test('after a first failure an agent soon asks again', async (t) => {
    const site = await openSite(t, { faults: [{ at: 'any', kind: 'reset', times: 2 }] });
    const agent = site.start(['run', ...configure(site, ['a'], { imds: { attempts: 1 } })]);
    await said(agent, /IMDS_UNREACHABLE/);
    await eventually('the file is there', () => existsSync(site.path('a')));
  });
});
