import { randomUUID } from 'node:crypto';
import type { Caller } from './sts-rules.ts';

/** Credentials that were given for an assumed role: their owner may call in turn. */
export type Session = Caller & Required<Pick<Caller, 'sessionToken' | 'expiration'>>;

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

export function answerXml(session: Session, sourceIdentity?: string, action = 'AssumeRole'): string {
  const expiration = new Date(session.expiration).toISOString().replace('.000Z', 'Z');
  return `<${action}Response xmlns="${NAMESPACE}">
  <${action}Result>
${sourceIdentity === undefined ? '' : `    <SourceIdentity>${escape(sourceIdentity)}</SourceIdentity>\n`}    <AssumedRoleUser>
      <AssumedRoleId>AROAEXAMPLE0000000000:${escape(session.arn.split('/').at(-1) ?? '')}</AssumedRoleId>
      <Arn>${escape(session.arn)}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>${session.accessKeyId}</AccessKeyId>
      <SecretAccessKey>${escape(session.secretAccessKey)}</SecretAccessKey>
      <SessionToken>${escape(session.sessionToken)}</SessionToken>
      <Expiration>${expiration}</Expiration>
    </Credentials>
  </${action}Result>
${metadata()}</${action}Response>
`;
}

export function callerXml(arn: string): string {
  return `<GetCallerIdentityResponse xmlns="${NAMESPACE}">
  <GetCallerIdentityResult>
    <Arn>${escape(arn)}</Arn>
    <UserId>AROAEXAMPLE0000000000</UserId>
    <Account>${arn.split(':')[4] ?? ''}</Account>
  </GetCallerIdentityResult>
${metadata()}</GetCallerIdentityResponse>
`;
}

export function errorXml(code: string, message: string): string {
  return `<ErrorResponse xmlns="${NAMESPACE}">
  <Error>
    <Type>Sender</Type>
    <Code>${escape(code)}</Code>
    <Message>${escape(message)}</Message>
  </Error>
  <RequestId>${randomUUID()}</RequestId>
</ErrorResponse>
`;
}

function metadata(): string {
  return `  <ResponseMetadata>\n    <RequestId>${randomUUID()}</RequestId>\n  </ResponseMetadata>\n`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
