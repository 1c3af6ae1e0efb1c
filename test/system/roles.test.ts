import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { reportOf, openSite, type Ended, type Site } from '../support/agent.ts';
import { writeAuthority } from '../support/certificates.ts';
import { limit } from '../support/limits.ts';
import { ROLE_ARN, testSts } from '../support/sts-scene.ts';
import { denied, throttled, type Sts, type StsFault } from '../support/sts.ts';
import { tempDir } from '../support/temp-dir.ts';
import { isMissing } from '../support/tools.ts';
import { byClock, library, setClock } from './clock-stage.ts';

/** The executable with the instance and an assumed role, as hours go by: its clock, those of the services, and STS. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** When the role's session is to be replaced on any host: a quarter of an hour before its end, or earlier. */
const DUE = 46 * MINUTE;

const INSTANCE_ARN = 'arn:aws:sts::123456789012:assumed-role/demo-role/i-0123456789abcdef0';
const SESSION_ARN = 'arn:aws:sts::210987654321:assumed-role/backup/credrotate-';

interface Stage {
  readonly site: Site;
  readonly sts: Sts;
  /** So much later, by all clocks. `ours`: how far that of the executable is ahead of them. */
  readonly at: (later: number, ours?: number) => void;
  /** Runs the executable by its clock. */
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  /** The key ids in the file: of the instance, and of the role. */
  readonly keys: () => readonly (string | undefined)[];
  /** The file with the certificate of the authority that STS has its own from. */
  readonly authority: string;
}

/** Both profiles in one file, and a file of the instance beside it. */
async function open(t: TestContext, isPlain = false): Promise<Stage> {
  const site = await openSite(t, { lifetime: 6 * HOUR });
  let passed = 0;
  const { file, ...tls } = writeAuthority(tempDir(t));
  const callers = () => {
    const { token, ...keys } = site.metadata.current();
    return [{ ...keys, sessionToken: token, arn: INSTANCE_ARN }];
  };
  const sts = await testSts(t, { ...(!isPlain && { tls }), callers, now: () => Date.now() + passed });
  const path = site.path('credentials');
  const config = site.configure({
    sources: {
      backup: {
        type: 'assume_role',
        role_arn: ROLE_ARN,
        external_id: 'x-1',
        endpoint: sts.url,
        ...(!isPlain && { ca_file: file }),
      },
    },
    sinks: [
      { path, format: 'aws-credentials' },
      { path, format: 'aws-credentials', profile: 'backup', source: 'backup' },
      { path: site.path('iam.json'), format: 'json' },
    ],
  });
  const at: Stage['at'] = (later, ours = 0) => {
    passed = later;
    setClock(site, later + ours);
    site.metadata.setFaults([{ at: 'any', kind: 'skew', value: later }]);
  };
  at(0);
  return {
    ...{ site, sts, at, authority: file },
    run: (...args) => {
      // The kernel's clock goes on as well: to it time has passed, and nobody has set a clock.
      const through = ['unshare', '--time', '--boottime', String(passed / 1000), '--fork', '--kill-child'];
      const options = args[0] === 'once' ? config : [];
      return site.start([...args, ...options], { through, env: byClock(site) }).ended;
    },
    keys: () => {
      const text = readFileSync(path, 'utf8');
      return [...text.matchAll(/^aws_access_key_id *= *(\S+)$/gm)].map(([, id]) => id);
    },
  };
}

const instanceKey = ({ site }: Stage): string => site.metadata.current().accessKeyId;
const sessionKey = ({ sts }: Stage): string | undefined => sts.sessions.at(-1)?.accessKeyId;

/** A pass; how it ended, and the state of each source with the code of its error. */
async function pass(stage: Stage): Promise<readonly [code: number | null, states: Record<string, string>]> {
  const ended = await stage.run('once', '--json');
  const { sources = [] } = reportOf(ended);
  const states = sources.map(({ name, state, error }) => [name, [state, error?.code].filter(Boolean).join(' ')]);
  return [ended.code, Object.fromEntries(states) as Record<string, string>];
}

/** Its other file has the instance's keys, whatever has become of the role. */
function assertUndisturbed(stage: Stage): void {
  assert.equal(stage.keys()[0], instanceKey(stage));
  assert.match(readFileSync(stage.site.path('iam.json'), 'utf8'), new RegExp(instanceKey(stage)));
}

/** Who the AWS CLI is with a profile of the file; it is given the double, and nothing else to ask. */
async function whoIs({ site, sts, authority }: Stage, profile: string): Promise<string> {
  const { PATH, PYENV_ROOT } = process.env;
  const args = ['sts', 'get-caller-identity', '--output', 'text', '--query', 'Arn'];
  const where = ['--endpoint-url', sts.url, '--region', 'us-east-1', '--ca-bundle', authority, '--profile', profile];
  const { stdout } = await promisify(execFile)('aws', [...args, ...where], {
    env: {
      ...{ PATH, PYENV_ROOT, HOME: site.directory },
      AWS_SHARED_CREDENTIALS_FILE: site.path('credentials'),
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_MAX_ATTEMPTS: '1',
    },
  });
  return stdout.trim();
}

const skip = library === undefined && 'needs the package faketime';

describe('an assumed role beside the instance', { concurrency: 4, skip, timeout: limit(120_000) }, () => {
  test('is what the AWS CLI reads in the second profile, before and after the base has rotated', async (t) => {
    if (await isMissing(t, 'aws', '--version')) return;
    const stage = await open(t);
    assert.deepEqual(await pass(stage), [0, { instance: 'ok', backup: 'ok' }]);
    const first = sessionKey(stage);
    assert.equal(await whoIs(stage, 'default'), INSTANCE_ARN);
    assert.match(await whoIs(stage, 'backup'), new RegExp(`^${SESSION_ARN}`));
    stage.site.metadata.rotate();
    assert.deepEqual(await pass(stage), [0, { instance: 'ok', backup: 'ok' }]);
    assert.deepEqual(stage.keys(), [instanceKey(stage), first], 'the session outlives the keys that it was made with');
    assert.equal(await whoIs(stage, 'default'), INSTANCE_ARN);
    assert.match(await whoIs(stage, 'backup'), new RegExp(`^${SESSION_ARN}`));
    stage.at(DUE);
    assert.deepEqual(await pass(stage), [0, { instance: 'ok', backup: 'ok' }]);
    assert.notEqual(sessionKey(stage), first);
    assert.deepEqual(stage.keys(), [instanceKey(stage), sessionKey(stage)]);
  });

  const refusals: readonly [
    what: string,
    fault: StsFault,
    states: readonly string[],
    codes: readonly number[],
    hint: RegExp,
  ][] = [
    ['denied', denied(), ['denied STS_DENIED', 'denied STS_DENIED'], [0, 77], /trust policy of the role/],
    ['throttled', throttled, ['stale STS_THROTTLED', 'expired STS_THROTTLED'], [0, 75], /shares 600 calls a second/],
    [
      'away',
      { kind: 'body', status: 503, body: '' },
      ['stale STS_UNREACHABLE', 'expired STS_UNREACHABLE'],
      [0, 75],
      /AWS that must/,
    ],
  ];
  for (const [what, fault, [living, dead], [whileLiving, whenDead], hint] of refusals) {
    test(`that is ${what} for longer than its session lives: state, exit code, hint; the other files go on`, async (t) => {
      const stage = await open(t);
      assert.deepEqual(await pass(stage), [0, { instance: 'ok', backup: 'ok' }]);
      const session = sessionKey(stage);
      stage.sts.failAlways(fault);
      stage.site.metadata.rotate();
      stage.at(DUE);
      assert.deepEqual(await pass(stage), [whileLiving, { instance: 'ok', backup: living }]);
      assert.equal(stage.keys()[1], session, 'it stays while it lives');
      assertUndisturbed(stage);
      stage.site.metadata.rotate();
      stage.at(HOUR + MINUTE);
      assert.deepEqual(await pass(stage), [whenDead, { instance: 'ok', backup: dead }]);
      assertUndisturbed(stage);
      const { stdout } = await stage.run('status');
      assert.match(stdout.replaceAll(/\s+/g, ' '), hint);
      stage.sts.failAlways(undefined);
      assert.deepEqual(await pass(stage), [0, { instance: 'ok', backup: 'ok' }]);
      assert.deepEqual(stage.keys(), [instanceKey(stage), sessionKey(stage)]);
    });
  }

  for (const ours of [-3 * HOUR, -10 * MINUTE, 50 * MINUTE, 3 * HOUR]) {
    test(`by a clock that is wrong by ${ours / MINUTE} minutes is asked for when it is due, and not before`, async (t) => {
      // A certificate of today is none to a clock of yesterday.
      const stage = await open(t, true);
      stage.at(0, ours);
      assert.deepEqual(await pass(stage), [0, { instance: 'ok', backup: 'ok' }]);
      assert.deepEqual(await pass(stage), [0, { instance: 'ok', backup: 'ok' }]);
      assert.equal(stage.sts.sessions.length, 1);
      assert.deepEqual(stage.keys(), [instanceKey(stage), sessionKey(stage)]);
      const { stdout } = await stage.run('status');
      assert.match(stdout.replaceAll(/\s+/g, ' '), /the clock of this host says .* timedatectl/);
    });
  }
});
