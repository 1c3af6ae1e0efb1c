import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AssumeRoleConfig } from '../../../src/core/config.ts';
import type { Base } from '../../../src/core/contracts.ts';
import { HOUR, NOON } from '../../support/credentials.ts';
import { badOf, goodOf, instanceFetched, ROLE_ARN, stsRig } from '../../support/sts-scene.ts';
import { denied, throttled, type StsFault } from '../../support/sts.ts';

const error = (status: number, code: string, message = 'on demand'): StsFault => ({
  kind: 'error',
  status,
  code,
  message,
});
const MINUTE = 60_000;
const TOO_LONG = 'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.';

describe('an assumed role', () => {
  test('gives the session that STS gave, and says whose it is', async (t) => {
    const rig = await stsRig(t);
    const { credentials, origin, clockSkew } = goodOf(await rig.fetch());
    const [session] = rig.sts.sessions;
    assert.deepEqual(
      [credentials.accessKeyId, credentials.secretAccessKey.reveal(), credentials.sessionToken.reveal()],
      [session?.accessKeyId, session?.secretAccessKey, session?.sessionToken],
    );
    assert.equal(credentials.expiration, NOON + HOUR);
    assert.deepEqual(origin, {
      endpoint: rig.sts.url,
      region: 'us-east-1',
      instanceId: 'i-0abc',
      role: 'backup',
      accountId: '210987654321',
    });
    assert.equal(clockSkew, 0);
  });

  test('asks one question, in a body, in which CloudTrail finds the instance', async (t) => {
    const rig = await stsRig(t);
    goodOf(await rig.fetch());
    assert.equal(rig.sts.calls.length, 1);
    assert.deepEqual(rig.sts.calls[0]?.parameters, {
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: ROLE_ARN,
      RoleSessionName: 'credrotate-i-0abc',
      ExternalId: 'x-1',
    });
    assert.deepEqual(rig.baseFetches, [false]);
  });

  test('sends all that is configured', async (t) => {
    const rig = await stsRig(t);
    const config: Partial<AssumeRoleConfig> = {
      sessionName: 'nightly@x',
      duration: 15 * MINUTE,
      policy: '{"Version":"2012-10-17","Statement":[]}',
      policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess', 'arn:aws:iam::aws:policy/Other'],
      tags: { 'Cost Center': 'a=b&c', Ünit: '' },
      transitiveTags: ['Ünit'],
      sourceIdentity: 'agent',
    };
    const { credentials } = goodOf(await rig.fetch(config));
    assert.equal(credentials.expiration, NOON + 15 * MINUTE);
    const { Action, Version, RoleArn, ...sent } = rig.sts.calls[0]?.parameters ?? {};
    assert.deepEqual([Action, Version, RoleArn], ['AssumeRole', '2011-06-15', ROLE_ARN]);
    assert.deepEqual(sent, {
      RoleSessionName: 'nightly@x',
      DurationSeconds: '900',
      ExternalId: 'x-1',
      Policy: config.policy,
      SourceIdentity: 'agent',
      'PolicyArns.member.1.arn': 'arn:aws:iam::aws:policy/ReadOnlyAccess',
      'PolicyArns.member.2.arn': 'arn:aws:iam::aws:policy/Other',
      'Tags.member.1.Key': 'Cost Center',
      'Tags.member.1.Value': 'a=b&c',
      'Tags.member.2.Key': 'Ünit',
      'Tags.member.2.Value': '',
      'TransitiveTagKeys.member.1': 'Ünit',
    });
  });

  test('is not asked for when the base fails, whose failure it is then', async (t) => {
    const failed = { ok: false, state: 'no_role', error: { code: 'IMDS_NO_ROLE', message: 'none' } } as const;
    const rig = await stsRig(t, { base: [failed] });
    assert.deepEqual(await rig.fetch(), failed);
    assert.equal(rig.sts.calls.length, 0);
  });

  test('is not asked for with expired credentials', async (t) => {
    const base = instanceFetched();
    const expired = { ...base, credentials: { ...base.credentials, expiration: NOON } };
    const rig = await stsRig(t, { base: [expired] });
    assert.equal(badOf(await rig.fetch()).code, 'CREDENTIALS_EXPIRED');
    assert.equal(rig.sts.calls.length, 0);
  });
});

describe('a refusal', () => {
  const table: readonly [fault: StsFault, code: string, retry: string | undefined, calls: number, hint: RegExp][] = [
    [denied(), 'STS_DENIED', 'later', 1, /trust policy of the role must name the base/],
    [
      error(403, 'AccessDenied', 'not authorized to perform: sts:TagSession on'),
      'STS_DENIED',
      'later',
      1,
      /Pod Identity/,
    ],
    [error(403, 'AccessDenied', 'to perform: sts:SetSourceIdentity on'), 'STS_DENIED', 'later', 1, /SetSourceIdentity/],
    [denied('InvalidClientTokenId'), 'STS_DENIED', 'later', 1, /another partition .* region that must be enabled/],
    [denied('RegionDisabledException'), 'STS_DENIED', 'later', 1, /switched off in this region/],
    [denied('SignatureDoesNotMatch'), 'STS_DENIED', 'later', 1, /clock of this host/],
    [denied('ExpiredToken'), 'STS_DENIED', 'later', 2, /base/],
    [denied('Unheard'), 'STS_DENIED', 'later', 1, /reference of the STS API/],
    [error(400, 'ValidationError', TOO_LONG), 'STS_REJECTED', 'later', 1, /an hour at most/],
    [error(400, 'ValidationError', 'exceeds the MaxSessionDuration set'), 'STS_REJECTED', 'later', 1, /update-role/],
    [error(400, 'MalformedPolicyDocument'), 'STS_REJECTED', 'later', 1, /policy:/],
    [error(400, 'PackedPolicyTooLarge'), 'STS_REJECTED', 'later', 1, /share one limit/],
    [error(400, 'Unheard'), 'STS_REJECTED', 'later', 1, /what the message names/],
    [throttled, 'STS_THROTTLED', 'throttled', 1, /600 calls a second/],
    [error(400, 'RequestLimitExceeded'), 'STS_THROTTLED', 'throttled', 1, /CloudTrail/],
    [error(429, 'Unheard'), 'STS_THROTTLED', 'throttled', 1, /CloudTrail/],
    [error(500, 'InternalFailure'), 'STS_UNREACHABLE', undefined, 1, /AWS that must recover/],
    [error(503, 'ServiceUnavailable'), 'STS_UNREACHABLE', undefined, 1, /AWS that must recover/],
    [error(400, 'IDPCommunicationError'), 'STS_UNREACHABLE', undefined, 1, /AWS that must recover/],
    [{ kind: 'reset' }, 'STS_UNREACHABLE', undefined, 1, /something on the way/],
    [{ kind: 'body', status: 502, body: '<html>' }, 'STS_UNREACHABLE', undefined, 1, /recover/],
    [{ kind: 'body', status: 404, body: '<html>' }, 'STS_MALFORMED', 'later', 1, /proxy or an emulator/],
    [{ kind: 'body', status: 302, body: '' }, 'STS_MALFORMED', 'later', 1, /proxy or an emulator/],
    [{ kind: 'body', status: 200, body: '' }, 'STS_MALFORMED', undefined, 1, /proxy or an emulator/],
    [{ kind: 'body', status: 200, body: '{"AssumeRoleResponse":{}}' }, 'STS_MALFORMED', undefined, 1, /emulator/],
    [{ kind: 'body', status: 200, body: 'x'.repeat(70_000) }, 'STS_MALFORMED', 'later', 1, /emulator/],
  ];
  for (const [fault, code, retry, calls, hint] of table) {
    test(`${JSON.stringify(fault).slice(0, 90)}: ${code}`, async (t) => {
      const rig = await stsRig(t);
      rig.sts.failAlways(fault);
      const refused = badOf(await rig.fetch());
      assert.deepEqual([refused.code, refused.retry, rig.sts.calls.length], [code, retry, calls], refused.message);
      assert.match(refused.hint ?? '', hint);
      assert.doesNotMatch(JSON.stringify(refused), /secret|token\/1/);
    });
  }

  test('quotes code and message, without what steers a terminal', async (t) => {
    const rig = await stsRig(t);
    rig.sts.failAlways(error(403, 'AccessDenied', 'User &<b>\n\u001b[31m'));
    assert.match(badOf(await rig.fetch()).message, /got AccessDenied \(User &<b>\\n\\u\{1b\}\[31m\)$/);
  });
});

describe('base credentials that ran out', () => {
  test('are fetched again, once', async (t) => {
    const rig = await stsRig(t);
    rig.sts.fail(denied('ExpiredToken'));
    goodOf(await rig.fetch());
    assert.deepEqual(rig.baseFetches, [false, true]);
    assert.equal(rig.sts.calls.length, 2);
    rig.sts.failAlways(denied('ExpiredToken'));
    assert.equal(badOf(await rig.fetch()).code, 'STS_DENIED');
    assert.deepEqual(rig.baseFetches, [false, true, false, true]);
  });
});

describe('a clock of the host that is wrong', () => {
  for (const minutes of [-3000, -10, 10, 3000]) {
    test(`by ${minutes} minutes is made up for, as STS tells the time`, async (t) => {
      const rig = await stsRig(t, { now: () => NOON - minutes * MINUTE });
      const { credentials, clockSkew } = goodOf(await rig.fetch({}, { base: longBase() }));
      assert.deepEqual(
        rig.sts.calls.map(({ outcome }) => outcome),
        ['SignatureDoesNotMatch', 'ok'],
      );
      assert.equal(clockSkew, minutes * MINUTE);
      assert.equal(credentials.expiration, NOON - minutes * MINUTE + HOUR);
    });

    test(`by ${minutes} minutes, which the base knows, costs no question`, async (t) => {
      const rig = await stsRig(t, { now: () => NOON - minutes * MINUTE });
      const base = longBase(minutes * MINUTE);
      goodOf(await rig.fetch({}, { base }));
      assert.deepEqual(
        rig.sts.calls.map(({ outcome }) => outcome),
        ['ok'],
      );
    });
  }

  test('by a minute is none that a signature fails for', async (t) => {
    const rig = await stsRig(t, { now: () => NOON - MINUTE });
    const message = "It should have been\n'POST\nTOKEN'";
    rig.sts.failAlways({ kind: 'error', status: 403, code: 'SignatureDoesNotMatch', message });
    const error = badOf(await rig.fetch());
    assert.equal(error.code, 'STS_DENIED');
    assert.match(error.message, /\(It should have been\)$/);
    assert.equal(rig.sts.calls.length, 1);
  });
});

/** Its credentials live by any clock here. */
function longBase(clockSkew?: number): Base {
  const { credentials, ...fetched } = instanceFetched(clockSkew === undefined ? {} : { clockSkew });
  const long = { ...fetched, credentials: { ...credentials, expiration: NOON + 1000 * HOUR } };
  return { name: 'instance', fetch: () => Promise.resolve(long) };
}
