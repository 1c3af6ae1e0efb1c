// Makes dist/credrotate: the bundled sources and a stripped copy of the pinned Node in one executable.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtempDisposable, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { build as esbuild, type PluginBuild } from 'esbuild';
import { isErrno } from '../src/core/errors.ts';

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const output = join(root, 'dist');
const executable = join(output, 'credrotate');
const stamp = join(output, '.credrotate.stamp');
const runtime = join(root, `node_modules/node-linux-${process.arch}/bin/node`);

/** The scripts' paths are relative because Node stores them: equal sources make equal executables in any directory. */
const recipe = {
  main: 'main.cjs',
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
    // undici's parser is WebAssembly that reads a few hundred bytes: optimizing it never pays.
    '--liftoff-only',
    // A process that wakes every few minutes hardly ever collects garbage: without this its heap grows for days.
    '--optimize-for-size',
  ],
  // NODE_OPTIONS must not load code into the product.
  execArgvExtension: 'none',
};

/**
 * What main.ts loads late is a script of its own beside it: to read all of the agent costs more than what a process that
 * acts as another user does in all.
 */
const LATE = /^\.\/main\/(\w+)\.ts$/;

/** Stands in for such an import. */
const loadLate = (name: string): string => `
  const script = require('node:sea').getAsset('${name}.cjs', 'utf8');
  const parameters = ['module', 'exports', 'require', '__filename'];
  const run = require('node:vm').compileFunction(script, parameters, { filename: '${name}.cjs' });
  run(module, exports, require, __filename);`;

/** Modules of undici that plain HTTP/1 never runs, and what stands in for them. */
const leftOut: Readonly<Record<string, string>> = {
  'dispatcher/client-h2.js': "module.exports = () => { throw new Error('HTTP/2 is left out of this build'); };",
  'llhttp/llhttp-wasm.js': "module.exports = require('./llhttp_simd-wasm.js');",
};

if (import.meta.main) await build();

/** Makes `dist/credrotate` unless it is current, and returns its path. Any number of builds may run at once. */
export async function build(): Promise<string> {
  await mkdir(output, { recursive: true });
  const scripts = await Promise.all([bundle('main'), bundle('main/agent'), bundle('main/actor')]);
  const node = await strippedRuntime();
  const hash = createHash('sha256').update(JSON.stringify([recipe, node]));
  for (const { bytes } of scripts) hash.update(`${bytes.length} `).update(bytes);
  const key = hash.digest('hex');
  const current = await isCurrent(key);
  if (!current) await assemble(scripts, node, key);
  const { size } = await stat(executable);
  const sizes = scripts.map(({ name, bytes }) => `${name} ${megabytes(bytes.length)}`);
  console.log(`dist/credrotate: ${current ? 'up to date' : 'built'}, ${megabytes(size)} (${sizes.join(', ')})`);
  return executable;
}

interface Script {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Of a module below src/ and all that it imports, but for what is loaded late. */
async function bundle(module: string): Promise<Script> {
  const { warnings, outputFiles } = await esbuild({
    absWorkingDir: root,
    entryPoints: [`src/${module}.ts`],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node26',
    legalComments: 'none',
    // undici's own switch: leaves out its second parser.
    define: { esbuildDetection: '"1"' },
    plugins: [
      { name: 'late', setup: loadLater },
      ...(module === 'main/agent' ? [{ name: 'lean-undici', setup: leaveOut }] : []),
    ],
  });
  const [file] = outputFiles;
  if (warnings.length > 0 || !file) throw new Error('esbuild: expected a bundle without warnings');
  return { name: `${module.replace('main/', '')}.cjs`, bytes: file.contents };
}

function loadLater(build: PluginBuild): void {
  build.onResolve({ filter: LATE }, ({ path, kind }) =>
    kind === 'dynamic-import' ? { path: path.replace(LATE, '$1'), namespace: 'late' } : undefined,
  );
  build.onLoad({ filter: /./, namespace: 'late' }, ({ path }) => ({ contents: loadLate(path) }));
}

/** An update of undici that moves one of the modules fails the build, so that none can come back unseen. */
function leaveOut(build: PluginBuild): void {
  const expected = new Set(Object.keys(leftOut));
  build.onLoad({ filter: /\/node_modules\/undici\/lib\// }, ({ path }) => {
    const file = path.split('/undici/lib/').at(-1) ?? '';
    expected.delete(file);
    const contents = leftOut[file];
    return contents === undefined ? undefined : { contents };
  });
  build.onEnd(() => ({ errors: [...expected].map((file) => ({ text: `undici has no lib/${file} to be left out` })) }));
}

/**
 * Path of the pinned Node without its symbols, kept for the next build. Stripping comes before the script goes in:
 * afterwards it would break the executable. Where there is no `strip`, the Node as it is.
 */
async function strippedRuntime(): Promise<string> {
  const { stdout: version } = await run(runtime, ['--version']);
  const stripped = join(output, `.node-${version.trim()}-${process.arch}`);
  if (existsSync(stripped)) return stripped;
  await using work = await mkdtempDisposable(join(output, '.build-'));
  const made = join(work.path, 'node');
  try {
    await run('strip', ['--strip-unneeded', '-R', '.comment', '-o', made, runtime]);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    console.log('there is no strip here (package binutils): the executable keeps 33 MB of symbols');
    return runtime;
  }
  await rename(made, stripped);
  return stripped;
}

async function assemble(scripts: readonly Script[], node: string, key: string): Promise<void> {
  await using work = await mkdtempDisposable(join(output, '.build-'));
  for (const { name, bytes } of scripts) await writeFile(join(work.path, name), bytes);
  const late = scripts.map(({ name }) => name).filter((name) => name !== recipe.main);
  const assets = Object.fromEntries(late.map((name) => [name, name]));
  await writeFile(join(work.path, 'sea.json'), JSON.stringify({ ...recipe, assets, executable: node }));
  await run(runtime, ['--build-sea', 'sea.json'], { cwd: work.path });
  const made = join(work.path, recipe.output);
  await chmod(made, 0o755);
  const identity = await identify(made);
  await rename(made, executable);
  await writeFile(stamp, `${key} ${identity}`);
}

/** The stamp names the very file that it vouches for, so that of two builds at once neither is taken for the other. */
async function isCurrent(key: string): Promise<boolean> {
  if (!existsSync(stamp) || !existsSync(executable)) return false;
  return (await readFile(stamp, 'utf8')) === `${key} ${await identify(executable)}`;
}

/** Stays through a rename. */
async function identify(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
