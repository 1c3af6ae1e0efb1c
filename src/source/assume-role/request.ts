import { hostname } from 'node:os';
import type { AssumeRoleConfig } from '../../core/config.ts';
import type { Origin } from '../../core/credentials.ts';

/** The form that is sent to STS, in the body: what it says must not be in a URL, which is logged on the way. */
export function formOf(config: AssumeRoleConfig, origin: Origin): string {
  const { tags, transitiveTags, policyArns } = config;
  const fields: readonly (readonly [name: string, value: string | undefined])[] = [
    ['Action', 'AssumeRole'],
    ['Version', '2011-06-15'],
    ['RoleArn', config.roleArn],
    ['RoleSessionName', config.sessionName ?? sessionName(origin.instanceId ?? hostname())],
    ['DurationSeconds', config.duration === undefined ? undefined : String(config.duration / 1000)],
    ['ExternalId', config.externalId],
    ['Policy', config.policy],
    ['SourceIdentity', config.sourceIdentity],
    ...policyArns.map((arn, at) => [`PolicyArns.member.${at + 1}.arn`, arn] as const),
    ...Object.entries(tags).flatMap(([key, value], at) => [
      [`Tags.member.${at + 1}.Key`, key] as const,
      [`Tags.member.${at + 1}.Value`, value] as const,
    ]),
    ...transitiveTags.map((key, at) => [`TransitiveTagKeys.member.${at + 1}`, key] as const),
  ];
  return new URLSearchParams(
    fields.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  ).toString();
}

/** So that CloudTrail names the host. */
function sessionName(host: string): string {
  return `credrotate-${host.replace(/[^\w+=,.@-]/g, '-')}`.slice(0, 64);
}
