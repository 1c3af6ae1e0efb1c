import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { makeImage } from '../../scripts/image.ts';
import { hasOwnMounts, tmpfs } from './mounts.ts';

const run = promisify(execFile);

/** A podman with a place of its own, which has our image. Gives what it prints; rejects where it fails. */
export type Podman = (...args: readonly string[]) => Promise<string>;

export const IMAGE = 'localhost/credrotate';

/** With a runtime and limits that need no rights beyond those of a container that tests run in. */
const CONFIGURATION = `[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
`;

/** Its containers end with the test. Skips the test where there is no podman, or where others would see its mounts. */
export async function openPodman(t: TestContext): Promise<Podman | undefined> {
  if (!hasOwnMounts(t)) return undefined;
  if ((await run('podman', ['--version']).catch(() => true)) === true) {
    t.skip('needs podman');
    return undefined;
  }
  const containers: { end?: () => Promise<string> } = {};
  // Before the place goes that they are in.
  t.after(() => containers.end?.());
  const place = tmpfs(t, 'size=1g');
  const configuration = join(place, 'containers.conf');
  writeFileSync(configuration, CONFIGURATION);
  const options = ['--root', join(place, 'root'), '--runroot', join(place, 'run'), '--cgroup-manager', 'cgroupfs'];
  const env = { PATH: process.env['PATH'], HOME: place, CONTAINERS_CONF: configuration };
  const podman: Podman = async (...args) =>
    (await run('podman', [...options, ...args], { env, maxBuffer: 1 << 26 })).stdout.trim();
  containers.end = () => podman('rm', '--all', '--force', '--time', '0');
  await podman('tag', await podman('pull', '--quiet', `oci-archive:${await makeImage()}`), IMAGE);
  return podman;
}
