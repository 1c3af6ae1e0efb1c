// Makes dist/credrotate: the bundled sources and a stripped copy of the pinned Node in one executable. For machines of
// the other architecture it is dist/credrotate-arm64, or -x64.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtempDisposable, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { bundle, type Script } from './bundle.ts';
import { isCurrent, keep } from './current.ts';
import { isErrno } from '../src/core/errors.ts';
import { HOST, hostRuntime, strippedRuntime, type Architecture } from './runtime.ts';

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const output = join(root, 'dist');

/** Where the packages have the libraries that nobody else is to use. */
export const LIBRARIES = '/usr/lib/credrotate';

/** The scripts' paths are relative because Node stores them: equal sources make equal executables in any directory. */
const recipe = {
  main: 'main.js',
  mainFormat: 'commonjs',
  output: 'credrotate',
  disableExperimentalSEAWarning: true,
  // Both would differ from build to build.
  useCodeCache: false,
  useSnapshot: false,
  execArgv: [
    '--disable-warning=ExperimentalWarning',
    // SIGUSR1 would open a debugger port in a daemon that runs as root.
    '--disable-sigusr1',
    // OPENSSL_CONF, and the file that stands for it, could load code into the product or keep it from starting.
    '--openssl-config=/dev/null',
    // V8 has options that it takes nothing under that was compiled ahead; this is none of them.
    '--min-semi-space-size=8',
  ],
  // NODE_OPTIONS must not load code into the product.
  execArgvExtension: 'none',
};

if (import.meta.main) await build();

/** Makes the executable unless it is current, and returns its path. Any number of builds may run at once. */
export async function build(architecture: Architecture = HOST): Promise<string> {
  await mkdir(output, { recursive: true });
  const file = architecture === HOST ? 'credrotate' : `credrotate-${architecture}`;
  const executable = join(output, file);
  const { scripts } = await bundle();
  const node = await strippedRuntime(architecture);
  const hash = createHash('sha256').update(JSON.stringify([recipe, node, LIBRARIES]));
  for (const { name, text } of scripts) hash.update(JSON.stringify([name, text]));
  const key = hash.digest('hex');
  const current = await isCurrent(executable, key);
  if (!current) await assemble(executable, { scripts, node, key, architecture });
  const { size } = await stat(executable);
  const ours = scripts.reduce((sum, { text }) => sum + text.length, 0);
  console.log(
    `dist/${file}: ${current ? 'up to date' : 'built'}, ${megabytes(size)} (${megabytes(ours)} in ${scripts.length} scripts)`,
  );
  return executable;
}

interface Parts {
  readonly scripts: readonly Script[];
  readonly node: string;
  readonly key: string;
  readonly architecture: Architecture;
}

async function assemble(executable: string, { scripts, node, key, architecture }: Parts): Promise<void> {
  await using work = await mkdtempDisposable(join(output, '.build-'));
  for (const { name, text } of scripts) await writeFile(join(work.path, name), text);
  // What was compiled for one architecture is of no use to another.
  if (architecture === HOST) await compileAhead(work.path);
  const late = (await readdir(work.path)).filter((name) => name !== recipe.main);
  const assets = Object.fromEntries(late.map((name) => [`./${name}`, name]));
  await writeFile(join(work.path, 'sea.json'), JSON.stringify({ ...recipe, assets, executable: node }));
  await run(hostRuntime, ['--build-sea', 'sea.json'], { cwd: work.path });
  const made = join(work.path, recipe.output);
  await lookInOwnLibraries(made, architecture);
  await chmod(made, 0o755);
  await keep(made, executable, key);
}

/**
 * The packages bring the one library of Node's that a small system lacks. Not from where the executable lies: a copy of it
 * in /tmp would take its neighbours' libraries. Before the script goes in, it would break the executable.
 */
async function lookInOwnLibraries(executable: string, architecture: Architecture): Promise<void> {
  const pageSize = { x64: '4096', arm64: '65536' }[architecture];
  try {
    await run('patchelf', ['--page-size', pageSize, '--set-rpath', LIBRARIES, executable]);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    console.log('there is no patchelf here: the executable needs libatomic of the system');
  }
}

async function compileAhead(directory: string): Promise<void> {
  const script = join(import.meta.dirname, 'code-cache.ts');
  await run(hostRuntime, [...recipe.execArgv, '--random-seed=1', script, recipe.main], { cwd: directory });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
