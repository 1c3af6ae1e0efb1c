import type { Credentials } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';
import { Secret } from '../../core/secret.ts';
import { AMBIGUOUS, describeBody, parseFields, parseRfc3339, type Fields } from '../json.ts';
import { malformed } from './exchange.ts';

/** What the administrator does about the refusals that EC2 is known to give, by their code in lower case. */
const CODE_HINTS: ReadonlyMap<string, string> = new Map([
  [
    'assumeroleunauthorizedaccess',
    'the role does not trust ec2.amazonaws.com, or was deleted and made anew under the same name: correct its trust ' +
      'policy (aws iam get-role), then replace the association (aws ec2 replace-iam-instance-profile-association)',
  ],
  [
    'instanceprofilenotfound',
    'the instance profile was deleted: associate another one (aws ec2 replace-iam-instance-profile-association)',
  ],
  [
    'failed',
    'EC2 could not assume the role just now; if it lasts, look at the trust policy of the role (aws iam get-role)',
  ],
]);

/**
 * Credentials out of the answer of `meta-data/iam/security-credentials/ROLE`, judged at `now` (epoch milliseconds).
 * Throws AgentError: IMDS_MALFORMED, IMDS_DENIED (a `Code` other than Success) or IMDS_EXPIRED. No error quotes the
 * body, apart from `Code` and `Message` of a refusal.
 */
export function parseCredentials(body: Buffer, now: number): Credentials {
  const fields = parseFields(body);
  if (fields === undefined) throw unlike('a JSON object', describeBody(body));
  refuseFailure(fields);
  const accessKeyId = requireText(fields, 'AccessKeyId');
  const secretAccessKey = new Secret(requireText(fields, 'SecretAccessKey'));
  const sessionToken = new Secret(requireText(fields, 'Token'));
  const expiration = parseRfc3339(requireText(fields, 'Expiration'));
  if (expiration === undefined) throw unlike('Expiration as an RFC 3339 time', 'something else');
  if (expiration <= now) throw expired(expiration, now);
  const lastUpdated = fields.get('lastupdated');
  const made = typeof lastUpdated === 'string' ? parseRfc3339(lastUpdated) : undefined;
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration,
    ...(made !== undefined && { lastUpdated: made }),
    ...(hasText(fields, 'AccountId') && { accountId: requireText(fields, 'AccountId') }),
  };
}

/** Success may go without saying; a refusal comes with status 200 like everything else. */
function refuseFailure(fields: Fields): void {
  if (!fields.has('code')) return;
  const code = requireText(fields, 'Code');
  if (code.toLowerCase() === 'success') return;
  const message = fields.get('message');
  const detail = typeof message === 'string' && message !== '' ? ` (${excerpt(message)})` : '';
  throw new AgentError('IMDS_DENIED', `credentials: expected Code Success, got ${excerpt(code)}${detail}`, {
    hint: CODE_HINTS.get(code.toLowerCase()) ?? 'look up the code in the IAM user guide, under troubleshooting EC2',
  });
}

/**
 * Visible ASCII and nothing else. Keys and tokens are made of it, and a line break or a terminal's control sequence
 * would become part of the files that we write.
 */
function requireText(fields: Fields, name: string): string {
  const value = fields.get(name.toLowerCase());
  if (value === undefined || value === null) throw unlike(`the field ${name}`, 'none');
  if (value === AMBIGUOUS) throw unlike(`one value for ${name}`, 'several');
  if (typeof value !== 'string') throw unlike(`${name} as a string`, Array.isArray(value) ? 'array' : typeof value);
  if (value === '') throw unlike(`${name} with a value`, 'an empty one');
  if (!/^[\x21-\x7e]+$/.test(value)) throw unlike(`${name} in visible ASCII`, 'other characters in it');
  return value;
}

function hasText(fields: Fields, name: string): boolean {
  const value = fields.get(name.toLowerCase());
  return value !== undefined && value !== null && value !== '';
}

function excerpt(text: string): string {
  return printable(text.slice(0, 200));
}

function unlike(expected: string, got: string): AgentError {
  return malformed(`credentials: expected ${expected}, got ${got}`);
}

function expired(expiration: number, now: number): AgentError {
  const ago = Math.ceil((now - expiration) / 1000);
  return new AgentError('IMDS_EXPIRED', `credentials: expected an Expiration to come, got one ${ago} s ago`, {
    hint: 'EC2 is late to renew them, or the clock of this host is ahead: compare it (timedatectl)',
  });
}
