import assert from 'node:assert/strict';
import { chownSync, lstatSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Finding } from '../../src/core/findings.ts';
import type { Unseen } from '../../src/doctor/contract.ts';
import { limit } from '../support/limits.ts';
import { openSite, type Site } from '../support/agent.ts';
import { startDaemon } from '../support/programs.ts';

interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly unseen: readonly Unseen[];
}

/** The host's own, which a test cannot choose. */
const OF_THE_HOST: ReadonlySet<string> = new Set(['endpoint-open', 'lockdown-drifted', 'imdsd-in-the-way']);

async function examine(site: Site, config: object, env: Record<string, string> = {}): Promise<Diagnosis> {
  const { stdout, stderr, code } = await site.run(['doctor', '--json', ...site.configure(config)], { env });
  assert.equal(stderr, '');
  const { findings, unseen } = JSON.parse(stdout) as Diagnosis;
  assert.equal(code, findings.some(({ severity }) => severity !== 'note') ? 78 : 0);
  return { findings: findings.filter(({ id }) => !OF_THE_HOST.has(id)), unseen };
}

function idsOf({ findings }: Diagnosis): readonly string[] {
  return findings.map(({ id }) => id);
}

/** A sink that a pass has written. */
async function written(site: Site, name = 'e'): Promise<object> {
  const config = { sinks: [{ path: site.path(name), format: 'dotenv' }] };
  assert.equal((await site.run(['once', '--every', '1h', ...site.configure(config)])).code, 0);
  return config;
}

describe('doctor', { concurrency: 3 }, () => {
  test('finds nothing where all is well, and changes nothing', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    site.configure(config);
    const snapshot = (): string[] =>
      readdirSync(site.directory, { recursive: true, encoding: 'utf8' }).map((name) => {
        const { ino, ctimeNs, atimeNs } = lstatSync(join(site.directory, name), { bigint: true });
        // Of a sink the access time too, which tells when its readers came.
        return [name, ino, ctimeNs, name === 'e' ? atimeNs : ''].join(' ');
      });
    const before = snapshot();
    const { stdout } = await site.run(['doctor', '--config', site.path('c.yaml')]);
    assert.doesNotMatch(stdout, /^(error|warning)/m);
    assert.deepEqual(snapshot(), before);
    assert.deepEqual(idsOf(await examine(site, config)), []);
  });

  test('says what to do on a screen of 80 columns', async (t) => {
    const site = await openSite(t, { role: null });
    const { code, stdout } = await site.run(['doctor', ...site.configure({ sinks: [] })]);
    assert.equal(code, 78);
    const first =
      /^error {3}metadata service {2}source-failing\n {8}it gives no credentials\n {2}seen {2}IMDS_NO_ROLE: /;
    assert.match(stdout, first);
    assert.match(
      stdout,
      /^error {3}next pass {2}nobody-refreshes\n.*\n {2}seen {2}there is no status\n {2}do {4}start the agent/m,
    );
    assert.match(stdout, /\n\n2 errors(, \d notes?)?\nmore about each: \/\S+\/docs\/doctor\.md\n$/);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80 || line.startsWith(' '.repeat(10)), line);
  });

  test('sees a token that does not arrive beside answers that do', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    site.metadata.setFaults([{ at: 'token', kind: 'hang' }]);
    const patience = { AWS_METADATA_SERVICE_TIMEOUT: String(limit(1)), AWS_METADATA_SERVICE_NUM_ATTEMPTS: '1' };
    const [finding, ...others] = (await examine(site, config, patience)).findings;
    assert.deepEqual([finding?.id, others], ['hop-limit', []]);
    assert.match(finding?.evidence[1] ?? '', /without a token: status 401$/);
  });

  test('sees IMDSv1, with a single request without a token', async (t) => {
    const site = await openSite(t, { v1: true });
    assert.deepEqual(idsOf(await examine(site, await written(site))), ['imds-v1']);
    const strict = await openSite(t);
    assert.deepEqual(idsOf(await examine(strict, await written(strict))), []);
    const refused = strict.metadata.requests.filter(({ status }) => status === 401);
    assert.deepEqual(refused, [{ method: 'GET', path: '/latest/meta-data/', status: 401 }]);
  });

  test('sees a clock that is wrong', async (t) => {
    const site = await openSite(t);
    const config = await written(site);
    site.metadata.setFaults([{ at: 'any', kind: 'skew', value: 3_600_000 }]);
    const { findings } = await examine(site, config);
    assert.deepEqual([findings[0]?.id, findings[0]?.severity], ['clock-skew', 'error']);
  });

  test('sees keys that stand before the first pass, and a state of another instance', async (t) => {
    const site = await openSite(t, { instanceId: 'i-0aaa' });
    const config = { sinks: [{ path: site.path('e'), format: 'dotenv' }] };
    const baking = 'AWS_ACCESS_KEY_ID=ASIAOLDOLDOLDOLDOLD1\nAWS_SECRET_ACCESS_KEY=baked\n';
    writeFileSync(site.path('e'), baking, { mode: 0o600 });
    const [baked, absent] = (await examine(site, config)).findings;
    assert.deepEqual([absent?.id, baked?.id, baked?.severity], ['image-baked', 'nobody-refreshes', 'error']);
    assert.deepEqual(absent?.evidence, [`${site.path('e')}: key …OLD1`]);
    await written(site);
    assert.deepEqual(idsOf(await examine(site, config)), []);
    const state = site.state().replaceAll('i-0aaa', 'i-0bbb');
    writeFileSync(site.path('state/state.json'), state);
    const [cloned] = (await examine(site, config)).findings;
    assert.deepEqual([cloned?.id, cloned?.severity], ['image-baked', 'error']);
  });

  test('sees what shadows a profile, by file and line and without values', async (t) => {
    const site = await openSite(t);
    mkdirSync(site.path('home/.aws'), { mode: 0o700 });
    const path = site.path('home/.aws/credentials');
    await site.run(['once', '--every', '1h', '--aws-credentials', path, '--profile', 'app']);
    const config = { sinks: [{ path, format: 'aws-credentials', profile: 'app' }] };
    assert.deepEqual(idsOf(await examine(site, config)), []);
    writeFileSync(site.path('home/.aws/config'), '[default]\nsso_region = x\n[profile app]\nrole_arn = arn:hidden\n');
    const [shadowed, ...others] = (await examine(site, config)).findings;
    assert.deepEqual(
      [shadowed?.id, shadowed?.evidence, others],
      ['profile-shadowed', [`${site.path('home/.aws/config')}:4: role_arn`], []],
    );
    writeFileSync(path, '[app]\nsso_start_url = https://hidden\n');
    const { findings } = await examine(site, config);
    assert.deepEqual(
      findings.map(({ id, evidence }) => [id, evidence.length]),
      [['profile-shadowed', 2]],
    );
    assert.doesNotMatch(JSON.stringify(findings), /hidden/);
  });

  test('sees a helper that is gone, one that asks, and a file that nobody writes any more', async (t) => {
    const site = await openSite(t);
    const kept = site.path('kept');
    const user = process.getuid?.() ?? 0;
    const command = (name: string): object => ({ type: 'process', user, command: [site.path(name)] });
    const config = {
      sources: { gone: command('gone'), asks: command('aws-vault'), kept: { type: 'file', path: kept } },
      ...(await written(site)),
    };
    writeFileSync(site.path('aws-vault'), '#!/bin/sh\n', { mode: 0o755 });
    const seen = async (): Promise<readonly string[]> => {
      const { stdout } = await site.run(['doctor', '--json', ...site.configure(config)]);
      const { findings } = JSON.parse(stdout) as Diagnosis;
      return findings.map(({ id, subject, evidence }) => `${id} ${subject} ${evidence.join()}`);
    };
    const [gone, asks, absent, ...others] = (await seen()).filter((one) => one.includes(' source '));
    assert.match(gone ?? '', /^helper-refused source gone SOURCE_UNREACHABLE: .*expected a program, got no such file/);
    assert.match(asks ?? '', /^helper-asks source asks .*runs aws-vault$/);
    assert.match(absent ?? '', /^file-not-written source kept .*no such file$/);
    assert.deepEqual(others, []);
    writeFileSync(kept, '');
    utimesSync(kept, 1, 1);
    assert.ok((await seen()).includes(`file-not-written source kept ${kept}: written at 1970-01-01T00:00:01.000Z`));
    utimesSync(kept, new Date(), new Date());
    assert.ok(!(await seen()).some((one) => one.startsWith('file-not-written')));
  });

  test('is told of a helper whose script is a user’s by the configuration, which is refused', async (t) => {
    if (process.getuid?.() !== 0) {
      t.skip('needs root: gives a file to another user');
      return;
    }
    const site = await openSite(t);
    const script = site.path('script');
    writeFileSync(script, '#!/bin/sh\n', { mode: 0o755 });
    chownSync(script, 2, 2);
    const sources = { own: { type: 'process', user: 2, command: ['/bin/sh', script] } };
    const { code, stderr, stdout } = await site.run(['doctor', ...site.configure({ sources, sinks: [] })]);
    assert.equal(code, 78);
    assert.match(stdout + stderr, /sources\.own\.command\[1\]: .*script: expected .* of root alone.*uid 2/);
  });

  test('sees a sink that would be refused and a program that a signal would end', async (t) => {
    const site = await openSite(t);
    const daemon = await startDaemon(t, site.path('d'), false);
    mkdirSync(site.path('e'));
    const config = {
      sinks: [{ path: site.path('e'), format: 'dotenv', notify: ['d'] }],
      consumers: { d: { type: 'signal', signal: 'SIGHUP', pid_file: daemon.pidFile } },
    };
    const ids = idsOf(await examine(site, config));
    assert.deepEqual(ids, ['sink-refused', 'nobody-refreshes', 'signal-not-handled']);
    await daemon.arm();
    assert.deepEqual(idsOf(await examine(site, config)), ['sink-refused', 'nobody-refreshes']);
    assert.deepEqual([daemon.notifications(), daemon.isAlive()], [0, true]);
  });
});
