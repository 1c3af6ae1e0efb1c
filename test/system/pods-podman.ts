import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { limit } from '../support/limits.ts';
import { executable } from '../support/product.ts';
import { TEMP } from '../support/temp-dir.ts';

/** Podman with images, settings and a storage of the test's own. */
export interface Podman {
  /** A directory on this machine, which goes with it. */
  readonly path: (name: string) => string;
  /** Runs it to its end, and gives what it printed. Rejects where it fails. */
  readonly run: (...args: readonly string[]) => Promise<string>;
}

/** As our image is made: process 1 reaps; beside it busybox, for hooks, and for the application. */
export const IMAGE = 'localhost/credrotate:test';
const PROGRAMS = ['/usr/bin/catatonit', '/bin/busybox'];

/** With an image that is made in a moment, or as the caller brings it in under that name. */
export async function openPodman(t: TestContext, bringImage = importImage): Promise<Podman> {
  const directory = mkdtempSync(join(TEMP, 'credrotate-podman-'));
  chmodSync(directory, 0o755);
  const path = (name: string): string => join(directory, name);
  // Neither its limits nor crun's cgroups can be had in every sandbox.
  const settings = '[containers]\ndefault_ulimits=["nofile=1024:1024","nproc=1024:1024"]\n[engine]\nruntime="runc"\n';
  writeFileSync(path('containers.conf'), settings);
  writeFileSync(
    path('storage.conf'),
    `[storage]\ndriver="vfs"\ngraphroot="${path('graph')}"\nrunroot="${path('run')}"\n`,
  );
  const env = {
    PATH: process.env['PATH'],
    CONTAINERS_CONF: path('containers.conf'),
    CONTAINERS_STORAGE_CONF: path('storage.conf'),
  };
  const run: Podman['run'] = async (...args) => {
    const { stdout, stderr } = await promisify(execFile)('podman', args, { env, timeout: limit(60_000) });
    return stdout + stderr;
  };
  t.after(async () => {
    await run('pod', 'rm', '--all', '--force', '--time', '1');
    await run('rm', '--all', '--force', '--time', '1', '--volumes');
    // What is still mounted is not ours to delete.
    for (const point of mountsBelow(directory)) execFileSync('umount', [point]);
    if (mountsBelow(directory).length === 0) rmSync(directory, { recursive: true });
  });
  await bringImage({ path, run });
  return { path, run };
}

async function importImage({ path, run }: Podman): Promise<void> {
  makeImage(path('rootfs'), path('image.tar'));
  const entry = '["/usr/bin/catatonit","--","/usr/bin/credrotate"]';
  const changes = [`ENTRYPOINT ${entry}`, 'CMD ["run"]', 'USER 65532:65532'].flatMap((one) => ['--change', one]);
  await run('import', ...changes, path('image.tar'), IMAGE);
}

function mountsBelow(directory: string): readonly string[] {
  const points = readFileSync('/proc/self/mountinfo', 'utf8').match(/^(?:\S+ ){4}\S+/gm) ?? [];
  return points
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${directory}/`))
    .reverse();
}

function makeImage(tree: string, archive: string): void {
  const add = (from: string, to = from): void => {
    mkdirSync(dirname(join(tree, to)), { recursive: true });
    copyFileSync(from, join(tree, to));
  };
  add(executable, '/usr/bin/credrotate');
  for (const program of PROGRAMS) add(program);
  const libraries = execFileSync('ldd', [executable], { encoding: 'utf8' }).match(/\/lib\S+/g) ?? [];
  for (const library of libraries) add(library);
  for (const name of ['etc/credrotate/conf.d', 'tmp', 'run', 'proc', 'sys', 'dev', 'var/lib'])
    mkdirSync(join(tree, name), { recursive: true });
  execFileSync('tar', ['--create', '--owner=0', '--group=0', '--file', archive, '--directory', tree, '.']);
}
