import { hostname } from 'node:os';
import type { AssumeRoleConfig, StsConfig, WebIdentityConfig } from '../../core/config.ts';
import type { Origin } from '../../core/credentials.ts';
import type { Secret } from '../../core/secret.ts';
import type { StsAction } from './faults.ts';

type FormFields = readonly (readonly [name: string, value: string | undefined])[];

/** The form for a session that the credentials of a base with this origin sign for. */
export function assumeRoleForm(config: AssumeRoleConfig, { instanceId }: Origin): string {
  const { tags, transitiveTags } = config;
  return form('AssumeRole', config, config.sessionName ?? sessionName(instanceId), [
    ['ExternalId', config.externalId],
    ['SourceIdentity', config.sourceIdentity],
    ...Object.entries(tags).flatMap(([key, value], at) => [
      [`Tags.member.${at + 1}.Key`, key] as const,
      [`Tags.member.${at + 1}.Value`, value] as const,
    ]),
    ...transitiveTags.map((key, at) => [`TransitiveTagKeys.member.${at + 1}`, key] as const),
  ]);
}

/** The form for a session that a token proves. */
export function webIdentityForm(config: WebIdentityConfig & StsConfig, token: Secret): string {
  const name = config.sessionName ?? sessionName();
  return form('AssumeRoleWithWebIdentity', config, name, [['WebIdentityToken', token.reveal()]]);
}

/** Goes into the body: what it says must not be in a URL, which is logged on the way. */
function form(
  action: StsAction,
  { roleArn, duration, policy, policyArns }: Pick<AssumeRoleConfig, 'roleArn' | 'duration' | 'policy' | 'policyArns'>,
  name: string,
  others: FormFields,
): string {
  const fields: FormFields = [
    ['Action', action],
    ['Version', '2011-06-15'],
    ['RoleArn', roleArn],
    ['RoleSessionName', name],
    ['DurationSeconds', duration === undefined ? undefined : String(duration / 1000)],
    ['Policy', policy],
    ...policyArns.map((arn, at) => [`PolicyArns.member.${at + 1}.arn`, arn] as const),
    ...others,
  ];
  return new URLSearchParams(fields.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]]))).toString();
}

/** A name by which CloudTrail tells the host, or the pod. */
function sessionName(host = hostname()): string {
  return `credrotate-${host.replace(/[^\w+=,.@-]/g, '-')}`.slice(0, 64);
}
