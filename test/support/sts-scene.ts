import type { TestContext } from 'node:test';
import { startSts, type Sts, type StsOptions } from './sts.ts';

export const ROLE_ARN = 'arn:aws:iam::210987654321:role/backup';

/** A role session, as the credentials of an instance are. */
export const CALLER = {
  accessKeyId: 'ASIAEXAMPLE000000001',
  secretAccessKey: 'secret/1+',
  sessionToken: 'token/1==',
  arn: 'arn:aws:sts::123456789012:assumed-role/web/i-0abc',
};

/** One that knows this caller and this role, which takes the external id `x-1`; closed when the test ends. */
export async function testSts(context: TestContext, options: Partial<StsOptions> = {}): Promise<Sts> {
  const sts = await startSts({ callers: () => [CALLER], roles: [{ arn: ROLE_ARN, externalId: 'x-1' }], ...options });
  context.after(() => sts.close());
  return sts;
}
