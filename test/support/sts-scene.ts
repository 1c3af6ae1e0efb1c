import type { TestContext } from 'node:test';
import type { AssumeRoleConfig } from '../../src/core/config.ts';
import type { Base, Fetched } from '../../src/core/contracts.ts';
import type { Credentials } from '../../src/core/credentials.ts';
import type { ErrorInfo } from '../../src/core/errors.ts';
import { Secret } from '../../src/core/secret.ts';
import { createAssumeRoleSource, type AssumeRoleDeps } from '../../src/source/assume-role/source.ts';
import { credentials, HOUR, NOON } from './credentials.ts';
import { FakeClock } from './fake-clock.ts';
import { makeHttp } from './http-requests.ts';
import { startSts, type Sts, type StsOptions } from './sts.ts';

export const ROLE_ARN = 'arn:aws:iam::210987654321:role/backup';

/** A role session, as the credentials of an instance are. */
export const CALLER = {
  accessKeyId: 'ASIAEXAMPLE000000001',
  secretAccessKey: 'secret/1+',
  sessionToken: 'token/1==',
  arn: 'arn:aws:sts::123456789012:assumed-role/web/i-0abc',
};

/** The same as credentials of ours, which live for an hour from `now` on. */
export function ourCaller(now: number): Credentials {
  return {
    ...credentials('1'),
    accessKeyId: CALLER.accessKeyId,
    secretAccessKey: new Secret(CALLER.secretAccessKey),
    sessionToken: new Secret(CALLER.sessionToken),
    expiration: now + HOUR,
  };
}

/** One that knows this caller and this role, which takes the external id `x-1`; closed when the test ends. */
export async function testSts(context: TestContext, options: Partial<StsOptions> = {}): Promise<Sts> {
  const sts = await startSts({ callers: () => [CALLER], roles: [{ arn: ROLE_ARN, externalId: 'x-1' }], ...options });
  context.after(() => sts.close());
  return sts;
}

/** What the instance gives: the credentials of {@link CALLER}, which live for six hours from noon on. */
export function instanceFetched(change: Partial<Extract<Fetched, { ok: true }>> = {}): Extract<Fetched, { ok: true }> {
  return {
    ok: true,
    credentials: {
      ...credentials('1'),
      accessKeyId: CALLER.accessKeyId,
      secretAccessKey: new Secret(CALLER.secretAccessKey),
      sessionToken: new Secret(CALLER.sessionToken),
      expiration: NOON + 6 * HOUR,
    },
    origin: { role: 'web', instanceId: 'i-0abc', accountId: '123456789012', region: 'us-east-1' },
    ...change,
  };
}

/** A clock that stands at noon, and does not make anybody wait. It counts what it was asked to wait, in milliseconds. */
export class StandingClock extends FakeClock {
  readonly waits: number[] = [];

  constructor(now = NOON) {
    super(now);
  }

  override sleep(ms: number): Promise<void> {
    this.waits.push(ms);
    return Promise.resolve();
  }
}

export interface Rig {
  readonly clock: StandingClock;
  readonly sts: Sts;
  /** Whether each fetch of the base was for other credentials than those that were refused. */
  readonly baseFetches: readonly boolean[];
  fetch(config?: Partial<AssumeRoleConfig>, deps?: Partial<AssumeRoleDeps>): Promise<Fetched>;
}

/** A source that asks a double, at noon; each answer of the base comes once, the last one always. */
export async function stsRig(
  context: TestContext,
  { base = [instanceFetched()], ...options }: Partial<StsOptions> & { readonly base?: readonly Fetched[] } = {},
): Promise<Rig> {
  const clock = new StandingClock();
  const sts = await testSts(context, { now: () => clock.now(), ...options });
  const answers = [...base];
  const baseFetches: boolean[] = [];
  const instance: Base = {
    name: 'instance',
    fetch: (_, isRefused = false) => {
      baseFetches.push(isRefused);
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      return answer ? Promise.resolve(answer) : Promise.reject(new Error('no answer of the base'));
    },
  };
  return {
    clock,
    sts,
    baseFetches,
    fetch: (config, deps) =>
      createAssumeRoleSource(
        { ...assumeRole(), endpoint: sts.url, ...config },
        { base: instance, clock, env: {}, makeHttp, self, ...deps },
      ).fetch(new AbortController().signal),
  };
}

export const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

export function assumeRole(change: Partial<AssumeRoleConfig> = {}): AssumeRoleConfig {
  return {
    type: 'assume_role',
    name: 'backup',
    from: 'instance',
    roleArn: ROLE_ARN,
    externalId: 'x-1',
    tags: {},
    transitiveTags: [],
    policyArns: [],
    ...change,
  };
}

export function goodOf(fetched: Fetched): Extract<Fetched, { ok: true }> {
  if (fetched.ok) return fetched;
  throw new Error(`expected credentials, got ${JSON.stringify(fetched.error)}`);
}

export function badOf(fetched: Fetched): ErrorInfo & { readonly state: string; readonly retry: string | undefined } {
  if (fetched.ok) throw new Error('expected a failure, got credentials');
  return { ...fetched.error, state: fetched.state, retry: fetched.retry };
}
