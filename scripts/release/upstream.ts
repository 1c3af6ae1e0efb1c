import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import type { Architecture } from '../runtime.ts';

const run = promisify(execFile);

/** What nodejs.org publishes of a version, as files in a directory; the keyring is Node's, from nodejs/release-keys. */
export interface Upstream {
  readonly directory: string;
  readonly version: string;
  /** SHA-256 of the `bin/node` that we bundle. */
  readonly digests: Readonly<Record<Architecture, string>>;
}

/** What keeps us from saying that the Node we bundle is the one that nodejs.org signed; nothing when all is well. */
export async function upstreamProblems({ directory, version, digests }: Upstream): Promise<readonly string[]> {
  const archives = Object.entries(digests).map(([architecture, digest]) => ({
    name: `node-v${version}-linux-${architecture}.tar.xz`,
    digest,
  }));
  const needed = ['nodejs-keyring.kbx', 'SHASUMS256.txt.asc', ...archives.map(({ name }) => name)];
  const missing = needed.filter((name) => !existsSync(join(directory, name)));
  if (missing.length > 0) return [`${directory}: expected ${missing.join(', ')}, as CONTRIBUTING.md says; got none`];
  const sums = await signedText(join(directory, 'nodejs-keyring.kbx'), join(directory, 'SHASUMS256.txt.asc'));
  if (sums === undefined) return ['SHASUMS256.txt.asc: expected the signature of a key of Node, got none that is good'];
  const problems = archives.map(async ({ name, digest }) => {
    const archive = join(directory, name);
    if (!sums.split('\n').includes(`${await digestOf(createReadStream(archive))}  ${name}`))
      return [`${name}: expected the SHA-256 of SHASUMS256.txt.asc, got another one`];
    const found = await digestOfMember(archive, `${name.replace('.tar.xz', '')}/bin/node`);
    return found === digest
      ? []
      : [`${name}: expected bin/node with SHA-256 ${digest} (packaging/node.sha256), got ${found}: it is not Node's`];
  });
  return (await Promise.all(problems)).flat();
}

/** What was signed, if a key of the keyring did. */
async function signedText(keyring: string, file: string): Promise<string | undefined> {
  try {
    return (await run('gpgv', ['--keyring', keyring, '--output', '-', file])).stdout;
  } catch {
    return undefined;
  }
}

async function digestOf(bytes: NodeJS.ReadableStream): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(bytes, hash);
  return hash.digest('hex');
}

async function digestOfMember(archive: string, member: string): Promise<string> {
  const tar = spawn('tar', ['-xJOf', archive, member], { stdio: ['ignore', 'pipe', 'ignore'] });
  const [digest] = await Promise.all([digestOf(tar.stdout), once(tar, 'close')]);
  return tar.exitCode === 0 ? digest : 'nothing';
}
