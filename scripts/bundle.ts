import { spawnSync } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { build, transform, type BuildOptions } from 'esbuild';
import { lean } from './lean.ts';

export interface Script {
  /** As the others import it. */
  readonly name: string;
  readonly text: string;
}

export interface Bundle {
  readonly scripts: readonly Script[];
  /** The files that it is made of. */
  readonly inputs: readonly string[];
}

const MAIN = './main.js';

/**
 * Starts the main script. What it loads late is a script of its own in the executable, so that no command parses what
 * another one needs; and beside it lies what V8 has compiled ahead: for all but the agent, which starts once and would
 * keep every function in memory.
 *
 * A pass is over before it pays to compile again what is called some times: functions (sparkplug), patterns, and undici's
 * parser, WebAssembly that reads a few hundred bytes at a time and that V8 would spend 50 ms and 50 MB on. But it takes
 * nothing that was compiled ahead, Node's own modules included, under other flags than those of then, which are therefore
 * set back for each load.
 */
const LOADER = `require = ((builtin) => {
  const { getAssetKeys, getRawAsset } = builtin('node:sea');
  const { setFlagsFromString } = builtin('node:v8');
  const { Script } = builtin('node:vm');
  const assets = new Set(getAssetKeys());
  const asset = (key) => (assets.has(key) ? Buffer.from(getRawAsset(key)) : undefined);
  const isResident = process.argv[2] === 'run';
  const loaded = new Map();
  let depth = 0;
  const compileAgain = (switched, callsOfPattern) => {
    for (const what of ['sparkplug', 'wasm-tier-up', 'wasm-dynamic-tiering']) setFlagsFromString(switched + what);
    setFlagsFromString('--regexp-tier-up-ticks=' + callsOfPattern);
  };
  const loadOwn = (name) => {
    const known = loaded.get(name);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    const script = new Script(asset(name).latin1Slice(), { filename: name, cachedData: isResident ? undefined : asset(name + '.cache') });
    script.runInThisContext()(module, module.exports, load, __filename);
    return module.exports;
  };
  const load = (name) => {
    if (depth++ === 0) compileAgain('--', 1);
    try {
      return name.startsWith('./') ? loadOwn(name) : builtin(name);
    } finally {
      if (--depth === 0) compileAgain('--no-', 20);
    }
  };
  return load;
})(require);
`;

/** A build without a history is told, as SOURCE_DATE_EPOCH tells it the time. */
export function commit(): string {
  const told = process.env['CREDROTATE_COMMIT'];
  if (told !== undefined) return told;
  const { stdout, status } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

const COMMON = {
  absWorkingDir: dirname(import.meta.dirname),
  entryPoints: ['src/main.ts'],
  outdir: '.',
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node26',
  legalComments: 'none',
  // undici's own switch: leaves out its second parser.
  // The second says of what the executable was made.
  define: { esbuildDetection: '"1"', CREDROTATE_COMMIT: JSON.stringify(commit()) },
  // The other form of the first asks for its parts in a way that a bundler does not see; that of the second is seven times as large.
  alias: {
    'jsonc-parser': 'jsonc-parser/lib/esm/main.js',
    '@smithy/signature-v4': '@smithy/signature-v4/dist-es/index.js',
  },
  plugins: [lean],
} as const satisfies BuildOptions;

/** All in one script, for Node: what the benchmark compares the executable with. */
export async function plainBundle(): Promise<string> {
  const { outputFiles } = await build({ ...COMMON, format: 'cjs' });
  return outputFiles[0]?.text ?? '';
}

let made: Promise<Bundle> | undefined;

/**
 * The main script, and one for each part of the sources that is loaded at another time than the rest. A process makes
 * it once: each package asks for it several times.
 */
export function bundle(): Promise<Bundle> {
  return (made ??= makeBundle());
}

async function makeBundle(): Promise<Bundle> {
  const { warnings, outputFiles, metafile } = await build({
    ...COMMON,
    splitting: true,
    format: 'esm',
    metafile: true,
  });
  if (warnings.length > 0) throw new Error('esbuild: expected a bundle without warnings');
  const scripts = outputFiles.map(async ({ path, text }) => {
    const name = `./${basename(path)}`;
    const script = await toCommonJs(text);
    return { name, text: name === MAIN ? LOADER + script : asFunction(script) };
  });
  return { scripts: await Promise.all(scripts), inputs: Object.keys(metafile.inputs).sort() };
}

/** As Node wraps its own modules. */
function asFunction(script: string): string {
  return `(function (module, exports, require, __filename) {${script}\n})`;
}

/** The executable loads its scripts itself: it has no files that an import could name. */
async function toCommonJs(script: string): Promise<string> {
  const { code } = await transform(script, {
    format: 'cjs',
    target: 'node26',
    platform: 'node',
    supported: { 'dynamic-import': false },
    minify: true,
    // The loader takes a byte for a character.
    charset: 'ascii',
  });
  return code;
}
