import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSockets, socketAddress } from '../core/sockets.ts';
import { hostOf } from '../host/tool.ts';
import { nameOf, type LockdownDeps, type Rules } from './rules.ts';

/** Users and services of this host that use the metadata service, or may want to. */
export interface Preflight {
  readonly talking: readonly (Talker & { readonly name: string | undefined })[];
  /** Services of this machine that are known to ask it as users of their own. */
  readonly services: readonly { readonly uid: number; readonly user: string; readonly what: string }[];
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

export async function preflight(deps: LockdownDeps, { addresses }: Pick<Rules, 'addresses'>): Promise<Preflight> {
  const { net } = hostOf(deps);
  const talkers = await readTalkers(net, addresses);
  const talking = talkers.map(async (talker) => ({ ...talker, name: await nameOf(deps, talker.uid) }));
  const services = Object.entries(SERVICES).map(async ([user, what]) => {
    const found = await deps.users.user(user).catch(() => undefined);
    return found ? [{ uid: found.uid, user, what }] : [];
  });
  return {
    talking: await Promise.all(talking),
    services: (await Promise.all(services)).flat(),
    bridges: bridgesOf(await readOptional(join(net, 'dev'))),
  };
}

/** Of /proc/net/dev, which has a line for each interface, its name before a colon. */
function bridgesOf(interfaces: string): string[] {
  const names = interfaces.split('\n').map((line) => line.split(':')[0]?.trim() ?? '');
  return names.filter((name) => BRIDGE.test(name)).sort();
}

interface Talker {
  readonly uid: number;
  readonly connections: number;
}

const METADATA = ['169.254.169.254', 'fd00:ec2::254'];

/** An IPv4 address also as that of a socket for IPv6: ::ffff:169.254.169.254. */
function asRemotes(address: string): readonly string[] {
  const own = socketAddress(address);
  return address.includes(':') ? [own] : [own, `0000000000000000FFFF0000${own}`];
}

/** ESTABLISHED, SYN_SENT and CLOSE_WAIT: in other states nobody may be behind the socket, and it counts as root's. */
const OPEN: readonly string[] = ['01', '02', '08'];

/** Users who are connected to what is closed, now. Other network namespaces cannot be seen from ours. */
async function readTalkers(net: string, addresses?: readonly string[]): Promise<readonly Talker[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readOptional(join(net, name))));
  return countTalkers(tables.join('\n'), addresses);
}

/** A table may be missing: a kernel can do without IPv6. */
async function readOptional(path: string): Promise<string> {
  return await readFile(path, 'utf8').catch(() => '');
}

/** `addresses`: beside those of the metadata service. */
export function countTalkers(table: string, addresses: readonly string[] = []): readonly Talker[] {
  const remotes = [...METADATA, ...addresses].flatMap(asRemotes);
  const counts = new Map<number, number>();
  for (const { remote, state, uid } of parseSockets(table)) {
    if (remotes.includes(remote) && OPEN.includes(state)) counts.set(uid, (counts.get(uid) ?? 0) + 1);
  }
  return [...counts].map(([uid, connections]) => ({ uid, connections })).sort((a, b) => a.uid - b.uid);
}
