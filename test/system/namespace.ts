import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { limit } from '../support/limits.ts';

export interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A network namespace of the test's own, with a metadata service. It goes with its last process. */
export interface Namespace {
  /** What starts a program in it. */
  readonly enter: readonly string[];
  /** Runs a program in it to its end. */
  readonly run: (...command: readonly string[]) => Promise<Answer>;
  /** As {@link run}, as another user. */
  readonly runAs: (user: number, ...command: readonly string[]) => Promise<Answer>;
  /** All rules of all tables. */
  readonly rules: () => Promise<string>;
}

const ADDRESSES = `
ip link set lo up
for address in 169.254.169.254 169.254.169.253 169.254.169.123 169.254.170.2; do ip addr add $address/32 dev lo; done
ip -6 addr add fd00:ec2::254/128 dev lo nodad
exec "$@"
`;

/** With the metadata service. */
export async function openInstance(t: TestContext): Promise<Namespace> {
  const endpoint = [process.execPath, '--disable-warning=ExperimentalWarning', ENDPOINT];
  return await open(t, ['sh', '-euc', ADDRESSES, 'sh', ...endpoint]);
}

/** With a metadata service that systemd-imdsd has locked: a route refuses, and its socket, in mounts of their own, answers. */
export async function openLockedInstance(t: TestContext): Promise<Namespace> {
  const imdsd = [process.execPath, '--disable-warning=ExperimentalWarning', IMDSD];
  return await open(t, ['sh', '-euc', LOCK, 'sh', ...imdsd], ['--net', '--mount']);
}

const LOCK = `
ip link set lo up
ip route add prohibit 169.254.169.254
mount -t tmpfs tmpfs /run/systemd
exec "$@"
`;

export interface Network {
  readonly router: Namespace;
  readonly container: Namespace;
}

/** A namespace that forwards from another one, as a host does for a container, to the metadata service in a third one. */
export async function openNetwork(t: TestContext): Promise<Network> {
  const cloud = await openInstance(t);
  const router = await open(t, ['sh', '-euc', 'ip link set lo up; echo ready; exec sleep 600']);
  const container = await open(t, ['sh', '-euc', 'ip link set lo up; echo ready; exec sleep 600']);
  await connect(router, cloud, 1);
  await connect(router, container, 2);
  await configure(
    router,
    `ip route add 169.254.169.254 via 10.99.1.2; ip -6 route add fd00:ec2::254 via fd99:1::2
    echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding`,
  );
  await configure(cloud, 'ip route add default via 10.99.1.1; ip -6 route add default via fd99:1::1');
  await configure(container, 'ip route add default via 10.99.2.1; ip -6 route add default via fd99:2::1');
  return { router, container };
}

/** By a pair of interfaces, whose addresses end in 1 and 2. */
async function connect(one: Namespace, other: Namespace, network: number): Promise<void> {
  const name = `veth${String(network)}`;
  const pid = other.enter[2] ?? '';
  const up = (end: number): string => `ip link set ${name} up
    ip addr add 10.99.${String(network)}.${String(end)}/24 dev ${name}
    ip addr add fd99:${String(network)}::${String(end)}/64 dev ${name} nodad`;
  await configure(one, `ip link add ${name} type veth peer name ${name} netns ${pid}; ${up(1)}`);
  await configure(other, up(2));
}

async function configure(space: Namespace, script: string): Promise<void> {
  const { code, stderr } = await space.run('sh', '-euc', script);
  if (code !== 0) throw new Error(stderr);
}

const ENDPOINT = join(import.meta.dirname, 'lockdown-endpoint-child.ts');
const IMDSD = join(import.meta.dirname, 'imdsd-child.ts');

/** The program says when it is ready. */
async function open(t: TestContext, program: readonly string[], kinds = ['--net']): Promise<Namespace> {
  const child = spawn('unshare', [...kinds, ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await Promise.race([once(child.stdout, 'data'), ended.then(() => Promise.reject(new Error('no namespace')))]);
  const enter = ['nsenter', '--target', String(child.pid), ...kinds];
  const run: Namespace['run'] = (...command) => runToEnd([...enter, ...command]);
  return {
    enter,
    run,
    runAs: (user, ...command) => {
      const ids = [`--reuid=${String(user)}`, `--regid=${String(user)}`, '--clear-groups'];
      return run('setpriv', ...ids, ...command);
    },
    rules: async () => (await run('nft', 'list', 'ruleset')).stdout,
  };
}

function runToEnd([program = '', ...args]: readonly string[]): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { timeout: limit(60_000) }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}
