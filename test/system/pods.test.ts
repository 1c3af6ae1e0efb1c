import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { report } from '../faults/tally.ts';
import { eventually } from '../support/eventually.ts';
import { blocksOf, pageOf } from '../support/pages.ts';
import { executable } from '../support/product.ts';
import { assertNoSecret, openMetadata, type Metadata } from '../support/secrets.ts';
import { isMissing } from '../support/tools.ts';
import { hasOwnMounts } from './mounts.ts';
import { IMAGE, openPodman, type Podman } from './pods-podman.ts';

/** What the pages show is what runs here, with other images, the metadata service of the test, and a volume of 0777. */

const APP = 10_001;

interface Container {
  name: string;
  image: string;
  command?: string[];
  args?: string[];
  env?: { name: string; value: string }[];
  readinessProbe?: Probe;
  livenessProbe?: Probe;
}
interface Probe {
  readonly exec: { readonly command: readonly string[] };
}
interface Volume {
  name: string;
  emptyDir?: object;
  hostPath?: { path: string; type: string };
}
interface PodSpec {
  hostNetwork?: boolean;
  restartPolicy?: string;
  initContainers?: Container[];
  containers: Container[];
  volumes: Volume[];
}

/** Prints the key id as often as it is another one. */
const WATCH = `trap 'exit 0' TERM; last=; while :; do
  key=$(/bin/busybox sed -n 's/^aws_access_key_id *= *//p' "$AWS_SHARED_CREDENTIALS_FILE" | /bin/busybox tail -c 5)
  [ "$key" = "$last" ] || echo "uses $key"; last=$key; /bin/busybox sleep 0.2; done`;

function manifestOf(page: string, kind: string): object[] {
  const block = blocksOf([pageOf(page)], 'yaml').find(({ text }) => text.includes(`kind: ${kind}\n`));
  assert.ok(block, `docs/${page} has a ${kind}`);
  return parseAllDocuments(block.text).map((one) => one.toJS() as object);
}

/** Podman has no timers for probes here: they are called by hand. */
function adapt(spec: PodSpec, metadata: Metadata, pathOf: (volume: Volume) => string | undefined): void {
  spec.hostNetwork = true;
  // By the usual policy podman 4 starts an init container again and again.
  spec.restartPolicy = 'Never';
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const isApp = container.name === 'app';
    container.image = IMAGE;
    container.env = [
      ...(container.env ?? []),
      ...(isApp ? [] : [{ name: 'AWS_EC2_METADATA_SERVICE_ENDPOINT', value: metadata.url }]),
    ];
    if (isApp) container.command = ['/bin/busybox', 'sh', '-c', WATCH];
    delete container.readinessProbe;
    delete container.livenessProbe;
  }
  for (const volume of spec.volumes) {
    const path = pathOf(volume);
    if (path === undefined) continue;
    delete volume.emptyDir;
    volume.hostPath = { path, type: 'Directory' };
  }
}

function row(t: TestContext, what: string): void {
  report(t, { case: `podman: ${what}`, tries: 1, survived: 1, lost: 0 });
}

async function open(t: TestContext): Promise<{ podman: Podman; metadata: Metadata } | undefined> {
  if (!hasOwnMounts(t) || (await isMissing(t, 'podman', '--version')) || (await isMissing(t, 'runc', '--version')))
    return undefined;
  const [podman, metadata] = [await openPodman(t), await openMetadata(t)];
  return { podman, metadata };
}

async function play(podman: Podman, documents: readonly object[]): Promise<void> {
  writeFileSync(
    podman.path('pod.yaml'),
    documents.map((one) => stringify(one, { aliasDuplicateObjects: false })).join('---\n'),
  );
  await podman.run('kube', 'play', podman.path('pod.yaml'));
}

const endOf = (metadata: Metadata): string => metadata.current().accessKeyId.slice(-4);

/** What runs in a container beside its process 1, as the machine sees it. */
function childrenOf(pid: string): readonly string[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return children.filter((one) => one !== '').map((one) => readFileSync(`/proc/${one}/comm`, 'utf8').trim());
}

describe('the manifests of the pages', () => {
  test('init container and sidecar keep an application in keys, in an emptyDir that all can write', async (t) => {
    const scene = await open(t);
    if (!scene) return;
    const { podman, metadata } = scene;
    mkdirSync(podman.path('creds'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=0777', 'credrotate-test', podman.path('creds')]);
    const [map, pod] = manifestOf('kubernetes.md', 'Pod') as [{ data: Record<string, string> }, { spec: PodSpec }];
    const { livenessProbe, readinessProbe } = pod.spec.containers[0] ?? {};
    adapt(pod.spec, metadata, ({ name }) => (name === 'creds' ? podman.path('creds') : undefined));
    // A hook that leaves a process behind.
    const config = parse(map.data['myapp.yaml'] ?? '') as { sinks: object[] };
    const sinks = config.sinks.map((sink) => ({ ...sink, notify: ['hook'] }));
    const command = ['/bin/busybox', 'sh', '-c', '/bin/busybox sleep 0.5 & exit 0'];
    map.data['myapp.yaml'] = stringify({ ...config, sinks, consumers: { hook: { type: 'exec', command } } });
    await play(podman, [map, pod]);

    const agent = 'myapp-agent';
    const uses = async (): Promise<void> => {
      const line = `uses ${endOf(metadata)}`;
      await eventually(line, async () => (await podman.run('logs', 'myapp-app')).includes(line));
    };
    await uses();
    for (const probe of [livenessProbe, readinessProbe]) {
      assert.ok(probe);
      await eventually('an answer to a probe', () =>
        podman.run('exec', agent, ...probe.exec.command).then(
          () => true,
          () => false,
        ),
      );
    }
    metadata.rotate();
    await podman.run('exec', agent, '/usr/bin/credrotate', 'refresh');
    await uses();
    const file = statSync(podman.path('creds/aws/credentials'));
    assert.deepEqual([file.uid, file.gid, file.mode & 0o777], [APP, APP, 0o600]);
    assert.equal(statSync(podman.path('creds/aws')).mode & 0o7777, 0o700);

    const inspect = async (what: string): Promise<string> =>
      (await podman.run('inspect', '--format', what, agent)).trim();
    assert.equal(await inspect('{{.HostConfig.ReadonlyRootfs}}'), 'true');
    const pid = await inspect('{{.State.Pid}}');
    assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^Uid:\t10001\t10001\t10001\t10001$[^]*^CapPrm:\t0+$/m);
    await eventually('what the hook left is reaped', () => childrenOf(pid).join() === 'credrotate');

    const began = performance.now();
    await podman.run('kill', '--signal', 'TERM', agent);
    assert.equal((await podman.run('wait', agent)).trim(), '0');
    t.diagnostic(`ended ${String(Math.round(performance.now() - began))} ms after SIGTERM`);
    assertNoSecret('log of the agent', await podman.run('logs', agent));
    row(t, 'a sidecar: rotation seen, zombies reaped, SIGTERM');
  });

  test('a DaemonSet keeps a file of another user on the node', async (t) => {
    const scene = await open(t);
    if (!scene) return;
    const { podman, metadata } = scene;
    const [set] = manifestOf('kubernetes.md', 'DaemonSet') as [{ spec: { template: { spec: PodSpec } } }];
    const { spec } = set.spec.template;
    adapt(spec, metadata, ({ name }) => {
      mkdirSync(podman.path(name));
      return podman.path(name);
    });
    const sink = { path: '/etc/myapp/aws/credentials', format: 'aws-credentials', owner: APP, group: APP };
    writeFileSync(podman.path('config/myapp.yaml'), stringify({ sinks: [sink] }));
    await play(podman, [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'node' }, spec }]);
    const path = podman.path('files/aws/credentials');
    const isCurrent = (): boolean => readFileSync(path, 'utf8').includes(endOf(metadata));
    await eventually('a file', () => statSync(path, { throwIfNoEntry: false }) !== undefined);
    assert.equal(statSync(path).uid, APP);
    assert.ok(isCurrent());
    metadata.rotate();
    await podman.run('exec', 'node-agent', '/usr/bin/credrotate', 'refresh');
    assert.ok(isCurrent());
    await podman.run('exec', 'node-agent', '/usr/bin/credrotate', 'status', '--probe', 'ready');
    row(t, 'a DaemonSet');
  });
});

interface Service {
  readonly user: string;
  readonly network_mode: string;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly healthcheck: { readonly test: readonly string[] };
}

test('the agent of the compose file is healthy, and its file is an env-file of docker', async (t) => {
  const scene = await open(t);
  if (!scene) return;
  const { podman, metadata } = scene;
  const [compose, config] = blocksOf([pageOf('containers.md')], 'yaml')
    .map(({ text }) => text)
    .slice(-2);
  const { services, volumes } = parse(compose ?? '') as {
    services: { agent: Service; app: Pick<Service, 'user'> };
    volumes: { creds: { driver_opts: Record<string, string> } };
  };
  const { agent } = services;
  assert.equal(agent.user, services.app.user);
  mkdirSync(podman.path('conf.d'));
  writeFileSync(podman.path('conf.d/c.yaml'), config ?? '');
  // Of a size podman makes them only where there are quotas.
  const options = Object.entries(volumes.creds.driver_opts).flatMap(([name, value]) => [
    '--opt',
    `${name}=${value.replace('size=16m,', '')}`,
  ]);
  await podman.run('volume', 'create', ...options, 'creds');
  await podman.run(
    ...['run', '--detach', '--name', 'agent', '--read-only', '--user', agent.user, '--network', agent.network_mode],
    ...agent.cap_drop.flatMap((one) => ['--cap-drop', one]),
    ...agent.security_opt.flatMap((one) => ['--security-opt', one.replace(/:true$/, '')]),
    ...Object.entries(agent.environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...['--env', `AWS_EC2_METADATA_SERVICE_ENDPOINT=${metadata.url}`],
    ...['--volume', 'creds:/creds', '--volume', `${podman.path('conf.d')}:/etc/credrotate/conf.d:ro`, IMAGE],
  );
  const [, ...health] = agent.healthcheck.test;
  await eventually('a healthy agent', () =>
    podman.run('exec', 'agent', ...health).then(
      () => true,
      () => false,
    ),
  );

  const file = podman.path('app.env');
  const env = {
    STATE_DIRECTORY: podman.path('state'),
    RUNTIME_DIRECTORY: podman.path('status'),
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
  };
  await promisify(execFile)(executable, ['once', '--dotenv', file], { env });
  const inside = await podman.run(
    'run',
    '--rm',
    '--network',
    'none',
    '--env-file',
    file,
    '--entrypoint',
    '/bin/busybox',
    IMAGE,
    'env',
  );
  const { accessKeyId, secretAccessKey, token } = metadata.current();
  for (const line of [
    `AWS_ACCESS_KEY_ID=${accessKeyId}`,
    `AWS_SECRET_ACCESS_KEY=${secretAccessKey}`,
    `AWS_SESSION_TOKEN=${token}`,
  ])
    assert.ok(inside.split('\n').includes(line), line.replace(/=.*/, ''));
  row(t, 'a compose file, and an env-file');
});
