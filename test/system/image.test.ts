import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chownSync, existsSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { makeImage } from '../../scripts/image.ts';
import { NAMES } from '../../scripts/package/product.ts';
import { HOST } from '../../scripts/runtime.ts';
import { report } from '../faults/tally.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { openMetadata } from '../support/secrets.ts';
import { tempDir } from '../support/temp-dir.ts';
import { hasTool } from '../support/tools.ts';
import { hasOwnMounts } from './mounts.ts';
import { IMAGE, openPodman } from './pods-podman.ts';

const USER = 65_532;

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

interface Documents {
  readonly index: { readonly manifests: readonly (Descriptor & { readonly platform: object })[] };
  readonly manifest: { readonly config: Descriptor; readonly layers: readonly Descriptor[] };
  readonly config: {
    readonly config: { readonly User: string };
    readonly rootfs: { readonly diff_ids: readonly string[] };
  };
  readonly sbom: { readonly components: readonly { readonly name: string; readonly purl?: string }[] };
}

describe('the container image', () => {
  test('is what its digests say, with a list of its parts, and nothing that its user could change', async (t) => {
    const layout = tempDir(t);
    execFileSync('tar', ['-xf', await makeImage(), '-C', layout]);
    const file = ({ digest }: Descriptor): string => join(layout, 'blobs', digest.replace(':', '/'));
    const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
    const outer = (read(join(layout, 'index.json')) as Documents['index']).manifests[0];
    assert.ok(outer);
    const platform = (read(file(outer)) as Documents['index']).manifests[0];
    assert.ok(platform);
    assert.deepEqual(platform.platform, { architecture: NAMES[HOST].deb, os: 'linux' });
    const manifest = read(file(platform)) as Documents['manifest'];
    const [layer] = manifest.layers;
    assert.ok(layer);
    const named = [outer, platform, manifest.config, layer];
    assert.equal(globSync(join(layout, 'blobs/sha256/*')).length, named.length);
    for (const one of named) {
      assert.equal(one.digest, digestOf(readFileSync(file(one))));
      assert.equal(one.size, statSync(file(one)).size);
    }
    const { config, rootfs } = read(file(manifest.config)) as Documents['config'];
    assert.equal(config.User, `${String(USER)}:${String(USER)}`);
    const tar = execFileSync('gzip', ['-dc', file(layer)], { maxBuffer: 1 << 28 });
    assert.deepEqual(rootfs.diff_ids, [digestOf(tar)]);

    const listing = execFileSync('tar', ['-tv', '--numeric-owner'], { input: tar, encoding: 'utf8' });
    const foreign = listing.split('\n').filter((line) => line !== '' && !/^(l|.{5}-..-.) ?.* 0\/0 /.test(line));
    assert.deepEqual(
      foreign.map((line) => `${line.split(' ')[0] ?? ''} ${line.split(' ').at(-1) ?? ''}`),
      ['drwx------ var/lib/credrotate/', 'drwxr-xr-x run/credrotate/'],
    );
    const root = tempDir(t);
    execFileSync('tar', ['-x', '-C', root, 'usr/share', 'var/lib/dpkg'], { input: tar });
    const { components } = read(join(root, 'usr/share/credrotate/sbom.cdx.json')) as Documents['sbom'];
    const packages = globSync('*', { cwd: join(root, 'var/lib/dpkg/status.d') });
    assert.ok(packages.includes('libc6'));
    for (const name of [...packages, 'node', 'undici'])
      assert.ok(
        components.some((one) => one.name === name),
        name,
      );
    for (const name of packages) assert.ok(existsSync(join(root, 'usr/share/doc', name, 'copyright')), name);
  });

  test('runs read-only, without rights; reaps what hooks leave behind; ends on SIGTERM', async (t) => {
    if (!hasOwnMounts(t)) return;
    if (!hasTool('podman')) {
      t.skip('needs podman');
      return;
    }
    const { run: podman } = await openPodman(t, async ({ run }) => {
      const id = await run('pull', '--quiet', `oci-archive:${await makeImage()}`);
      await run('tag', id.trim(), IMAGE);
    });
    const metadata = await openMetadata(t);
    const place = tempDir(t);
    const directory = (name: string, owner = USER): string => {
      const path = join(place, name);
      mkdirSync(path, { mode: 0o755 });
      chownSync(path, owner, owner);
      return path;
    };
    const creds = directory('creds');
    const configuration = directory('configuration', 0);
    writeFileSync(join(configuration, 'credrotate.yaml'), configFor(metadata.url));
    const volumes = Object.entries({
      [creds]: '/creds',
      [directory('state')]: '/var/lib/credrotate',
      [directory('runtime')]: '/run/credrotate',
      [configuration]: '/etc/credrotate:ro',
      // The image has none.
      '/bin/sh': '/usr/local/bin/sh:ro',
    }).map(([from, to]) => `--volume=${from}:${to}`);
    const rights = ['--read-only', '--read-only-tmpfs=false', '--cap-drop=all', '--security-opt=no-new-privileges'];
    const started = await podman('run', '--detach', '--network=host', ...rights, ...volumes, IMAGE);
    const id = started.trim();

    const sink = join(creds, 'credentials');
    await eventually('the sink holds the key', () => holds(sink, metadata.current().accessKeyId));
    assert.deepEqual([statSync(sink).uid, statSync(sink).mode & 0o777], [USER, 0o600]);
    await eventually('the hook has run', () => existsSync(join(creds, 'notified')));
    const init = Number(await podman('inspect', '--format={{.State.Pid}}', id));
    await eventually('nothing that ended is left', () => !below(init).some(isZombie));
    assert.match(await podman('exec', id, '/usr/bin/credrotate', 'status'), /^OK /);

    const before = performance.now();
    await podman('kill', '--signal=TERM', id);
    assert.equal(await podman('wait', id), '0\n');
    assert.ok(performance.now() - before < limit(2000));
    report(t, { case: 'the image: read-only, without rights; zombies; SIGTERM', tries: 1, survived: 1, lost: 0 });
  });
});

/** The hook leaves a process behind. */
function configFor(endpoint: string): string {
  const command = ['/usr/local/bin/sh', '-c', ': & echo > /creds/notified'];
  return JSON.stringify({
    imds: { endpoint },
    sinks: [{ path: '/creds/credentials', format: 'aws-credentials', notify: ['hook'] }],
    consumers: { hook: { type: 'exec', command } },
  });
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function holds(path: string, text: string): boolean {
  return existsSync(path) && readFileSync(path, 'utf8').includes(text);
}

function below(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
  const children = text.split(' ').filter(Boolean).map(Number);
  return [...children, ...children.flatMap(below)];
}

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
}
