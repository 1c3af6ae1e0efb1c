// The pinned Node that goes into the product, for each architecture that the product is made for.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtempDisposable, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { isErrno } from '../src/core/errors.ts';

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const output = join(root, 'dist');

/** As Node names them. */
export type Architecture = 'x64' | 'arm64';

export const HOST = hostArchitecture();
export const RUNTIME_VERSION = packageJson.optionalDependencies[`node-linux-${HOST}`];

const STRIP: Readonly<Record<Architecture, string>> = {
  x64: 'x86_64-linux-gnu-strip',
  arm64: 'aarch64-linux-gnu-strip',
};

/** The pinned Node of this machine, as npm installed it: it runs the scripts, and makes the executables for both. */
export const hostRuntime = join(root, `node_modules/node-linux-${HOST}/bin/node`);

/** Of the pinned Node before it was stripped. */
export function expectedDigest(architecture: Architecture): string {
  const name = `node-linux-${architecture}/bin/node`;
  const lines = readFileSync(join(root, 'packaging/node.sha256'), 'utf8').split('\n');
  const digest = lines.find((line) => line.endsWith(`  ${name}`))?.split(' ')[0];
  if (!digest) throw new Error(`packaging/node.sha256: expected a line for ${name}, got none`);
  return digest;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/**
 * Path of the pinned Node without its symbols, kept for the next build. Stripping comes before the script goes in:
 * afterwards it would break the executable. Where this machine has no `strip`, its Node as it is.
 */
export async function strippedRuntime(architecture: Architecture): Promise<string> {
  const digest = expectedDigest(architecture);
  const stripped = join(output, `.node-${RUNTIME_VERSION}-${architecture}-${digest.slice(0, 16)}`);
  if (existsSync(stripped)) return stripped;
  await mkdir(output, { recursive: true });
  await using work = await mkdtempDisposable(join(output, '.build-'));
  const whole = architecture === HOST ? hostRuntime : await fetchRuntime(architecture, work.path);
  const found = await digestOf(whole);
  if (found !== digest) throw new Error(`${whole}: expected SHA-256 ${digest} (packaging/node.sha256), got ${found}`);
  const made = join(work.path, 'node');
  try {
    const tool = architecture === HOST ? 'strip' : STRIP[architecture];
    await run(tool, ['--strip-unneeded', '-R', '.comment', '-o', made, whole]);
  } catch (error) {
    if (!isErrno(error, 'ENOENT') || architecture !== HOST) throw error;
    console.log('there is no strip here (package binutils): the executable keeps 33 MB of symbols');
    return whole;
  }
  await rename(made, stripped);
  return stripped;
}

/** npm installs the Node of this machine alone. */
async function fetchRuntime(architecture: Architecture, directory: string): Promise<string> {
  const name = `node-linux-${architecture}`;
  console.log(`fetching ${name} ${RUNTIME_VERSION} ...`);
  await run('npm', ['pack', `${name}@${RUNTIME_VERSION}`, '--silent', `--pack-destination=${directory}`], {
    cwd: root,
  });
  const archive = join(directory, `${name}-${RUNTIME_VERSION}.tgz`);
  await run('tar', ['--extract', '--gzip', `--file=${archive}`, `--directory=${directory}`, 'package/bin/node']);
  return join(directory, 'package/bin/node');
}

function hostArchitecture(): Architecture {
  const { arch } = process;
  if (arch !== 'x64' && arch !== 'arm64') throw new Error(`expected a machine of x64 or arm64, got ${arch}`);
  return arch;
}
