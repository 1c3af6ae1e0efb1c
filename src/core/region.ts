/** Which regions are whose, and where STS is there: `sts.REGION.SUFFIX`. The first that fits counts. */
const PARTITIONS = [
  { name: 'aws-cn', regions: /^cn-/, suffix: 'amazonaws.com.cn' },
  { name: 'aws-us-gov', regions: /^us-gov-/, suffix: 'amazonaws.com' },
  { name: 'aws-eusc', regions: /^eusc-/, suffix: 'amazonaws.eu' },
  { name: 'aws-iso', regions: /^us-iso-/, suffix: 'c2s.ic.gov' },
  { name: 'aws-iso-b', regions: /^us-isob-/, suffix: 'sc2s.sgov.gov' },
  { name: 'aws-iso-e', regions: /^eu-isoe-/, suffix: 'cloud.adc-e.uk' },
  { name: 'aws-iso-f', regions: /^us-isof-/, suffix: 'csp.hci.ic.gov' },
  { name: 'aws', regions: /^[a-z]{2}-/, suffix: 'amazonaws.com' },
] as const;

/** Undefined for what is not the name of a region: `aws-global` and `us-east-1a` are not. */
export function partitionOf(region: string): (typeof PARTITIONS)[number] | undefined {
  if (!/^[a-z]{2,4}(?:-[a-z]+){1,3}-\d{1,2}$/.test(region)) return undefined;
  return PARTITIONS.find(({ regions }) => regions.test(region));
}

/** The form of a role's ARN that the configuration takes. */
export const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\x21-\x7e]{1,980}$/;

/** The form of a session's name that STS takes. */
export const SESSION_NAME = /^[A-Za-z0-9_+=,.@-]{2,64}$/;

/** Of an ARN in the form that the configuration takes: `arn:aws:iam::123456789012:role/path/name`. */
export function partsOfRoleArn(arn: string): {
  readonly partition: string;
  readonly accountId: string;
  readonly name: string;
} {
  const [, partition = '', , , accountId = '', path = ''] = arn.split(':');
  return { partition, accountId, name: path.slice(path.lastIndexOf('/') + 1) };
}
