import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { promisify } from 'node:util';
import { HOST } from '../runtime.ts';
import { libatomic } from './libatomic.ts';

const run = promisify(execFile);

type Tools = Readonly<Record<string, string>>;

/** What packages are made with, and the Debian packages that bring it. */
const PACKAGING: Tools = {
  'dpkg-deb': 'dpkg',
  patchelf: 'patchelf',
  rpmbuild: 'rpm',
  strip: 'binutils',
  xz: 'xz-utils',
  ...(HOST === 'x64'
    ? { 'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu' }
    : { 'x86_64-linux-gnu-strip': 'binutils-x86-64-linux-gnu' }),
  [libatomic('x64')]: HOST === 'x64' ? 'libatomic1' : 'libatomic1-amd64-cross',
  [libatomic('arm64')]: HOST === 'arm64' ? 'libatomic1' : 'libatomic1-arm64-cross',
};

/** Installs as root what is missing of the tools; for others, it says what to install. */
export async function provideTools(tools = PACKAGING): Promise<void> {
  const missing = missingOf(tools);
  const packages = [...new Set(missing.map((tool) => tools[tool] ?? tool))];
  if (packages.length === 0) return;
  const command = `apt-get install --yes --no-install-recommends ${packages.join(' ')}`;
  if (process.getuid?.() !== 0) throw new Error(`expected ${missing.join(', ')}; do: sudo ${command}`);
  console.log(`installing the packages ${packages.join(', ')} ...`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['--quiet', 'update'], { env });
  await run('sh', ['-c', command], { env });
}

function missingOf(tools: Tools): string[] {
  const directories = (process.env['PATH'] ?? '').split(delimiter);
  return Object.keys(tools).filter((tool) => !directories.some((directory) => existsSync(resolve(directory, tool))));
}
