import type { AwsCredentialsSink } from '../../../core/config.ts';
import { formatExpiration, type Credentials, type Origin } from '../../../core/credentials.ts';
import { isExpirationKey, SECURITY_TOKEN } from '../../../core/owned.ts';
import type { Format } from '../../contract.ts';
import { appendSection, applyEdits, decodeText, followed, plain, startOf, leftOf } from '../text.ts';
import { Readers } from './readers.ts';
import { ProfileEditor } from './rewrite.ts';
import {
  garbage,
  isCredentialKey,
  readSections,
  type LineFor,
  type Owns,
  type Section,
  type Sections,
} from './sections.ts';

/** Renders a profile of a shared credentials file. Refuses a file that some SDK would reject or not use afterwards. */
export const awsCredentials: Format<AwsCredentialsSink> = {
  render: (existing, credentials, sink, origin) => {
    const { profile } = sink;
    const { text, encoding, warnings } = decodeText(existing ?? startOf(sink));
    const { owns, lineFor, required } = awsKeys(credentials, sink, origin);
    const readers = new Readers(profile, owns);
    const copies = copiesOf(readSections(text, profile, owns, readers.see));
    readers.refuse();
    const lines = required(readers.inheritsToken);
    const editor = new ProfileEditor(text, owns, readers.claim);
    for (const section of copies) editor.rewrite(section, profile, lineFor, lines);
    const edited = applyEdits(text, editor.edits);
    const result = copies.length > 0 ? edited : appendSection(edited, profile, [...lines.values()]);
    const inherited = readers.inheritsToken && sink.securityToken === 'never' ? [INHERITED] : [];
    return {
      bytes: Buffer.from(result, encoding),
      warnings: [...warnings, ...editor.warnings, ...readers.warnings, ...inherited],
    };
  },
  forget: (existing, sink) => {
    const file = decodeText(existing);
    const owns = forgottenKeys(sink);
    const readers = new Readers(sink.profile, owns);
    const { exact } = readSections(file.text, sink.profile, owns, readers.see);
    const editor = new ProfileEditor(file.text, owns, readers.claim);
    for (const section of exact) editor.clear(section);
    const ids = exact.flatMap(({ owned }) => owned).filter(({ key }) => key === 'aws_access_key_id');
    const keyIds = ids.map(({ value }) => value);
    return leftOf(existing, { ...file, warnings: [...file.warnings, ...editor.warnings] }, editor.edits, keyIds);
  },
};

const INHERITED = `Python readers inherit ${SECURITY_TOKEN} from [DEFAULT] and prefer it to the session token`;

/** The copies to write. Beside one of exactly the name, one with blanks around it is another profile of botocore's. */
function copiesOf({ exact, similar }: Sections): readonly Section[] {
  const [first] = similar;
  if (first === undefined) return exact;
  if (exact.length === 0 && similar.length === 1) return similar;
  throw garbage(
    first.header.line,
    'one name for the profile',
    'blanks around it, which make it another for some readers',
  );
}

interface AwsKeys {
  readonly owns: Owns;
  readonly lineFor: LineFor;
  /**
   * The lines that the profile must have, by key, in the order in which new ones are written. `inherits`: whether
   * [DEFAULT] gives every profile a security token, which botocore prefers to the session token.
   */
  readonly required: (inherits: boolean) => ReadonlyMap<string, string>;
}

function awsKeys(credentials: Credentials, sink: AwsCredentialsSink, origin: Origin): AwsKeys {
  const token = plain('session token', credentials.sessionToken.reveal());
  const expiration = formatExpiration(credentials.expiration);
  const values = new Map<string, string | undefined>([
    ['aws_access_key_id', plain('access key id', credentials.accessKeyId)],
    ['aws_secret_access_key', plain('secret access key', credentials.secretAccessKey.reveal())],
    ['aws_session_token', token],
    [SECURITY_TOKEN, sink.securityToken === 'never' ? undefined : token],
    ...accountKey(credentials.accountId ?? origin.accountId, sink.accountId),
  ]);
  const isExpiration = expirations(sink);
  return {
    owns: (setting) => values.has(setting.key) || isExpiration(setting),
    lineFor: ({ name, key, value }) => {
      // In the existing spelling and form: its reader wants them.
      if (!values.has(key)) return `${name} = ${followed(value, credentials.expiration) ?? expiration}`;
      const own = values.get(key);
      return own === undefined ? undefined : `${key} = ${own}`;
    },
    required: (inherits) => {
      const { expirationKey, securityToken: mode, accountId } = sink;
      const isLeftOut = (key: string): boolean =>
        (key === SECURITY_TOKEN && mode !== 'always' && !(mode === 'auto' && inherits)) ||
        (key === 'aws_account_id' && !accountId);
      const lines = [...values].flatMap(([key, value]) =>
        value === undefined || isLeftOut(key) ? [] : [[key, `${key} = ${value}`] as const],
      );
      const own =
        expirationKey === undefined ? [] : [[expirationKey.toLowerCase(), `${expirationKey} = ${expiration}`] as const];
      return new Map([...lines, ...own]);
    },
  };
}

/** The settings that go when a profile is forgotten. Without account_id: true an account id is the user's. */
function forgottenKeys(sink: AwsCredentialsSink): Owns {
  const isExpiration = expirations(sink);
  return (setting) =>
    isCredentialKey(setting.key) || (sink.accountId && setting.key === 'aws_account_id') || isExpiration(setting);
}

/** Existing ones are rewritten, not removed: their readers must see the truth. */
function expirations({ expirationKey }: AwsCredentialsSink): Owns {
  const configured = expirationKey?.toLowerCase();
  return ({ key, value }) => key === configured || (isExpirationKey(key) && followed(value, 0) !== undefined);
}

/**
 * An account that we are to keep but do not know may be another one's; what we are not to keep stays, if it is not
 * false.
 */
function accountKey(account: string | undefined, isKept: boolean): [string, string | undefined][] {
  if (account !== undefined) return [['aws_account_id', plain('account id', account)]];
  return isKept ? [['aws_account_id', undefined]] : [];
}
