import { formatExpiration } from '../core/credentials.ts';
import { prettyJson } from './answer.ts';
import { credentialsDocument, type IssuedCredentials } from './credentials.ts';

/** What the simulated instance knows of itself. */
export interface Instance {
  readonly instanceId: string;
  readonly accountId: string;
  readonly profileId: string;
  readonly launchedAt: number;
  readonly userData: Buffer | undefined;
}

export interface Identity {
  readonly role: string | null;
  readonly credentials: IssuedCredentials;
}

/** Leaves by their path below a version; directories are their prefixes. */
export type MetadataTree = ReadonlyMap<string, string | Buffer>;

/** Clients name the version that they were written for; each serves the same here. */
export const VERSIONS = [
  '1.0',
  '2007-01-19',
  '2008-02-01',
  '2009-04-04',
  '2011-05-01',
  '2012-01-12',
  '2014-11-05',
  '2016-09-02',
  '2018-09-24',
  '2019-10-01',
  '2020-10-27',
  '2021-03-23',
  '2022-09-24',
  '2024-04-11',
  'latest',
] as const;

const ADDRESS = '10.0.0.10';
const MAC = '0a:1b:2c:3d:4e:5f';
const INTERFACE = `meta-data/network/interfaces/macs/${MAC}`;
const HOSTNAME = 'ip-10-0-0-10.ec2.internal';
const IMAGE = 'ami-0123456789abcdef0';
const TYPE = 't3.micro';
const REGION = 'us-east-1';
const ZONE = 'us-east-1a';
const ROLES = 'meta-data/iam/security-credentials/';

export function metadataTree(instance: Instance, identity: Identity): MetadataTree {
  const tree = new Map<string, string | Buffer>([
    ['dynamic/instance-identity/document', prettyJson(identityDocument(instance))],
    ['meta-data/ami-id', IMAGE],
    ['meta-data/ami-launch-index', '0'],
    ['meta-data/hostname', HOSTNAME],
    ['meta-data/instance-action', 'none'],
    ['meta-data/instance-id', instance.instanceId],
    ['meta-data/instance-life-cycle', 'on-demand'],
    ['meta-data/instance-type', TYPE],
    ['meta-data/local-hostname', HOSTNAME],
    ['meta-data/local-ipv4', ADDRESS],
    ['meta-data/mac', MAC],
    [`${INTERFACE}/device-number`, '0'],
    [`${INTERFACE}/interface-id`, 'eni-0123456789abcdef0'],
    [`${INTERFACE}/local-ipv4s`, ADDRESS],
    [`${INTERFACE}/mac`, MAC],
    [`${INTERFACE}/subnet-ipv4-cidr-block`, '10.0.0.0/24'],
    ['meta-data/placement/availability-zone', ZONE],
    ['meta-data/placement/availability-zone-id', 'use1-az1'],
    ['meta-data/placement/region', REGION],
    ['meta-data/reservation-id', 'r-0123456789abcdef0'],
    ['meta-data/security-groups', 'default'],
    ['meta-data/services/domain', 'amazonaws.com'],
    ['meta-data/services/partition', 'aws'],
  ]);
  if (identity.role !== null) addRole(tree, instance, identity.role, identity.credentials);
  if (instance.userData !== undefined) tree.set('user-data', instance.userData);
  return tree;
}

/** One name a line, directories with a slash; undefined when there is nothing below the directory. */
export function listing(tree: MetadataTree, directory: string): string | undefined {
  const prefix = directory === '' ? '' : `${directory}/`;
  const names = new Set<string>();
  for (const path of tree.keys()) {
    if (!path.startsWith(prefix)) continue;
    const [name = '', ...below] = path.slice(prefix.length).split('/');
    // Only the inner directories are marked: `dynamic`, `meta-data` and `user-data` are listed bare.
    names.add(below.length > 0 && prefix !== '' ? `${name}/` : name);
  }
  return names.size === 0 ? undefined : [...names].sort().join('\n');
}

function addRole(
  tree: Map<string, string | Buffer>,
  instance: Instance,
  role: string,
  credentials: IssuedCredentials,
): void {
  const info = {
    Code: 'Success',
    LastUpdated: formatExpiration(credentials.lastUpdated),
    InstanceProfileArn: `arn:aws:iam::${instance.accountId}:instance-profile/${role}`,
    InstanceProfileId: instance.profileId,
  };
  tree.set('meta-data/iam/info', prettyJson(info));
  tree.set(ROLES + role, prettyJson(credentialsDocument(credentials)));
}

function identityDocument(instance: Instance): object {
  return {
    accountId: instance.accountId,
    architecture: 'x86_64',
    availabilityZone: ZONE,
    billingProducts: null,
    devpayProductCodes: null,
    marketplaceProductCodes: null,
    imageId: IMAGE,
    instanceId: instance.instanceId,
    instanceType: TYPE,
    kernelId: null,
    pendingTime: formatExpiration(instance.launchedAt),
    privateIp: ADDRESS,
    ramdiskId: null,
    region: REGION,
    version: '2017-09-30',
  };
}
