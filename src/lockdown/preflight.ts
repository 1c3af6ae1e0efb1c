import { join } from 'node:path';
import { hostOf } from '../host/tool.ts';
import type { LockdownDeps, Rules } from './contract.ts';
import { nameOf } from './rules.ts';
import { readOptional, readTalkers, type Talker } from './sockets.ts';

export interface Party extends Talker {
  readonly name?: string;
  readonly isAllowed: boolean;
}

/** A service of this machine that is known to ask the metadata service as a user of its own. */
export interface KnownService {
  readonly user: string;
  readonly uid: number;
  readonly what: string;
  readonly isAllowed: boolean;
}

/** What the rules would change for those who are here now. */
export interface Preflight {
  readonly talking: readonly Party[];
  readonly services: readonly KnownService[];
  /** Interfaces that lead to containers or other network namespaces. */
  readonly bridges: readonly string[];
}

/** The SSM agent, cloud-init and most other agents run as root. Time comes from another address. */
const SERVICES: Readonly<Record<string, string>> = {
  'ec2-instance-connect': 'EC2 Instance Connect reads the SSH keys of who logs in',
  cwagent: 'the CloudWatch agent, where it does not run as root, reads instance and credentials',
  'systemd-imds': 'systemd-imdsd reads metadata for other programs',
  'dd-agent': 'the Datadog agent reads the name of the instance',
};

const BRIDGE = /^(?:docker|podman|cni|nerdctl|lxcbr|lxdbr|incusbr|virbr|br-|veth|eni|cali)/;

export async function preflight(deps: LockdownDeps, { users }: Rules): Promise<Preflight> {
  const { net } = hostOf(deps);
  const [talkers, services, interfaces] = await Promise.all([
    readTalkers(net),
    Promise.all(Object.entries(SERVICES).map(([user, what]) => findService(deps, user, what))),
    readOptional(join(net, 'dev')),
  ]);
  const talking = talkers.map(async (talker) => {
    const name = await nameOf(deps, talker.uid);
    return { ...talker, ...(name !== undefined && { name }), isAllowed: users.includes(talker.uid) };
  });
  return {
    talking: await Promise.all(talking),
    services: services
      .flatMap((service) => service ?? [])
      .map((one) => ({ ...one, isAllowed: users.includes(one.uid) })),
    bridges: bridgesOf(interfaces),
  };
}

async function findService(
  { users }: LockdownDeps,
  user: string,
  what: string,
): Promise<Omit<KnownService, 'isAllowed'> | undefined> {
  const found = await users.user(user).catch(() => undefined);
  return found && { user, uid: found.uid, what };
}

/** Of /proc/net/dev, which has a line for each interface, its name before a colon. */
function bridgesOf(interfaces: string): string[] {
  const names = interfaces.split('\n').map((line) => line.split(':')[0]?.trim() ?? '');
  return names.filter((name) => BRIDGE.test(name)).sort();
}
