import type { HttpResponse } from '../../core/contracts.ts';
import { formatExpiration, type Credentials } from '../../core/credentials.ts';
import type { Secret } from '../../core/secret.ts';
import { credentialsIn, type Refuse } from '../document.ts';
import { malformed, refused, type StsAction } from './faults.ts';
import { readLeaves } from './xml.ts';

/** The form of AssumedRoleUser.Arn; AWS's own partitions differ in the first name. */
const SESSION_ARN = /^arn:[a-z-]+:sts::(\d{12}):assumed-role\//;

/**
 * The credentials in an answer of STS, judged at `now`, a time of its own clock in epoch milliseconds. Throws an
 * StsFault. No error quotes the body, apart from the code and the message of a refusal, without `secrets`.
 */
export function parseAnswer(
  action: StsAction,
  { status, body }: HttpResponse,
  now: number,
  secrets: readonly Secret[],
): Credentials {
  const unlike: Refuse = (expected, got) => malformed(action, expected, got);
  const leaves = readLeaves(body);
  if (status !== 200) throw refused(action, status, leaves && readError(leaves), secrets);
  if (leaves === undefined) throw unlike('a plain XML document', describeBody(body));
  const result = `${action}Response/${action}Result/`;
  const fields = ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'].map(
    (name) => [name.toLowerCase(), leaves.get(`${result}Credentials/${name}`)] as const,
  );
  const credentials = credentialsIn(new Map(fields), ['SessionToken'], unlike);
  if (credentials.expiration <= now) {
    throw unlike('an Expiration to come', `${formatExpiration(credentials.expiration)}, at ${formatExpiration(now)}`);
  }
  const accountId = SESSION_ARN.exec(leaves.get(`${result}AssumedRoleUser/Arn`) ?? '')?.[1];
  return { ...credentials, ...(accountId !== undefined && { accountId }) };
}

function readError(
  leaves: ReadonlyMap<string, string>,
): { readonly code: string; readonly message: string } | undefined {
  const code = leaves.get('ErrorResponse/Error/Code');
  return code === undefined ? undefined : { code, message: leaves.get('ErrorResponse/Error/Message') ?? '' };
}

function describeBody(body: Buffer): string {
  return body.length === 0 ? 'nothing' : `${body.length} bytes of something else`;
}
