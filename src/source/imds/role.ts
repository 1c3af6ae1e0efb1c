import type { Credentials } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';
import { credentialsIn, parseFields, requireText, type Fields } from '../document.ts';
import type { ImdsClient } from './client.ts';
import { malformed } from './exchange.ts';
import { isRoleName } from './settings.ts';

/** Without its slash, the service answers with a redirect. */
const ROLES = 'meta-data/iam/security-credentials/';
/** A role that was listed may be gone when its credentials are asked for: it is being replaced. */
const MAX_RELISTS = 3;

interface RoleAnswer {
  readonly role: string;
  readonly document: Buffer;
}

/**
 * The role, listed again each time since it can be replaced at any time, and the answer that should hold its
 * credentials. Rejects with an AgentError, IMDS_NO_ROLE among them, or with the signal's reason.
 */
export async function askForRole(client: ImdsClient, signal: AbortSignal): Promise<RoleAnswer> {
  const { role, roleFrom } = client.settings;
  if (role === undefined) return await discover(client, signal);
  const document = await client.get(ROLES + encodeRole(role), signal);
  if (document) return { role, document };
  throw new AgentError('IMDS_NO_ROLE', `${roleFrom}: expected credentials for the role ${role}, got status 404`, {
    hint: 'correct the name, or leave it out to let the metadata service name the role',
  });
}

async function discover(client: ImdsClient, signal: AbortSignal): Promise<RoleAnswer> {
  for (let relists = 0; ; relists += 1) {
    const list = await client.get(ROLES, signal);
    if (!list) throw noRole();
    const role = parseRoleList(list);
    const document = await client.get(ROLES + encodeRole(role), signal);
    if (document) return { role, document };
    if (relists === MAX_RELISTS) throw withoutCredentials(role);
    await client.pause(relists + 1, signal);
  }
}

/** EC2 lists it already, or still. */
function withoutCredentials(role: string): AgentError {
  return new AgentError('IMDS_NO_ROLE', `role ${role}: expected credentials for the listed role, got status 404`, {
    hint:
      'the role is being attached or replaced, which can take some minutes; if it lasts, the role was deleted: ' +
      'detach its instance profile and attach it again',
  });
}

function noRole(): AgentError {
  return new AgentError('IMDS_NO_ROLE', 'role list: expected a role, got status 404', {
    hint:
      'attach a role: aws ec2 associate-iam-instance-profile --instance-id ID --iam-instance-profile Name=PROFILE; ' +
      'a new one can take some minutes to arrive',
  });
}

/** The role of the instance: the first line of the list. Throws IMDS_MALFORMED. */
export function parseRoleList(body: Buffer): string {
  const name = (body.toString('latin1').trim().split('\n')[0] ?? '').trim();
  if (isRoleName(name)) return name;
  const got = name === '' ? 'nothing' : name.startsWith('<') ? 'an HTML page' : 'something else';
  throw malformed(`role list: expected the name of a role, got ${got}`);
}

/**
 * As one segment of a path. Characters that RFC 3986 allows in a segment stay, so that names made of IAM's own
 * alphabet (letters, digits and +=,.@_-) are sent as every SDK sends them, whether or not the service decodes.
 */
export function encodeRole(name: string): string {
  return encodeURIComponent(name).replace(/%(?:2B|3D|2C|40|3A|3B|24|26)/g, decodeURIComponent);
}

/** The administrator's next step for each refusal that EC2 is known to give, by its code in lower case. */
const CODE_HINTS: ReadonlyMap<string, string> = new Map([
  [
    'assumeroleunauthorizedaccess',
    'the role does not trust ec2.amazonaws.com, or was deleted and made again under the same name: correct its trust ' +
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
  const credentials = credentialsIn(fields, ['Token'], unlike);
  if (credentials.expiration <= now) throw expired(credentials.expiration, now);
  return credentials;
}

/** Success may go without saying; a refusal comes with status 200 like everything else. */
function refuseFailure(fields: Fields): void {
  if (!fields.has('code')) return;
  const code = requireText(fields, 'Code', unlike);
  if (code.toLowerCase() === 'success') return;
  const message = fields.get('message');
  const detail = typeof message === 'string' && message !== '' ? ` (${excerpt(message)})` : '';
  throw new AgentError('IMDS_DENIED', `credentials: expected Code Success, got ${excerpt(code)}${detail}`, {
    hint: CODE_HINTS.get(code.toLowerCase()) ?? 'look up the code in the IAM user guide, under troubleshooting EC2',
  });
}

/** For errors, which must not quote a body. */
function describeBody(body: Buffer): string {
  const text = body.toString('latin1').trim();
  if (text === '') return 'nothing';
  if (text.startsWith('<')) return 'an HTML page';
  return `${body.length} bytes of something else`;
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
