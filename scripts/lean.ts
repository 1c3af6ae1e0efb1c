import { join } from 'node:path';
import type { Plugin, PluginBuild } from 'esbuild';

/** What stands in for a module that a package loads and never uses here. */
interface LeftOut {
  readonly importer: string;
  /** A file of the importing package, or a module of Node. */
  readonly module: string;
  readonly contents: string;
}

/** What that gains is in ARCHITECTURE.md. winston's are for the agent: a one-shot does not load it. */
export const leftOut: readonly LeftOut[] = [
  {
    importer: 'undici',
    module: 'dispatcher/client-h2.js',
    contents: "module.exports = () => { throw new Error('HTTP/2 is left out of this build'); };",
  },
  // Bodies that no request of ours has, and assertions with the differences between objects.
  {
    importer: 'undici',
    module: 'web/fetch/body.js',
    contents: "module.exports = { extractBody: () => { throw new Error('FormData is left out of this build'); } };",
  },
  { importer: 'undici', module: 'web/fetch/formdata.js', contents: 'module.exports = {};' },
  {
    importer: 'undici',
    module: 'web/webidl/index.js',
    contents: 'module.exports = { webidl: { is: { FormData: () => false } } };',
  },
  {
    importer: 'undici',
    module: 'node:assert',
    contents: `
      module.exports = (value, message = 'assertion failed') => { if (!value) throw new Error(message); };`,
  },
  // The parser without SIMD, for processors of another age.
  {
    importer: 'undici',
    module: 'llhttp/llhttp-wasm.js',
    contents: "module.exports = require('./llhttp_simd-wasm.js');",
  },
  // Built again at each start, to make the names of headers small letters a little faster.
  {
    importer: 'undici',
    module: 'core/tree.js',
    contents: 'module.exports = { tree: { lookup: () => null } };',
  },
  // Asked for a limit, and for a class that only requests on behalf of Node's own server have; the limit is Node's.
  {
    importer: 'undici',
    module: 'node:http',
    contents: 'module.exports = { maxHeaderSize: 16384, IncomingMessage: class {} };',
  },
  // Its temp names need no secrecy, since they are made exclusively, but a mark of ours (files/sweep.ts); and nobody runs
  // us in a worker.
  {
    importer: 'write-file-atomic',
    module: 'node:crypto',
    contents: `
      const digest = () => ({ readUInt32BE: () => Math.floor(Math.random() * 2 ** 32) + '.crtmp' });
      module.exports = { createHash: () => ({ update() { return this; }, digest }) };`,
  },
  { importer: 'write-file-atomic', module: 'worker_threads', contents: 'module.exports = { threadId: 0 };' },
  // Opens, renames and unlinks under our rules.
  {
    importer: 'write-file-atomic',
    module: 'fs',
    contents: `module.exports = require(${JSON.stringify(join(import.meta.dirname, '../src/system/atomic-fs.ts'))});`,
  },
  // Takes over all signals at each write, to remove temp files that our journal knows.
  {
    importer: 'write-file-atomic',
    module: 'signal-exit',
    contents: 'module.exports = { onExit: () => () => undefined };',
  },
  // A copy of Node's own streams, for older Nodes and browsers; and debugging output for winston's authors.
  { importer: 'winston', module: 'readable-stream', contents: "module.exports = require('node:stream');" },
  {
    importer: 'winston-transport',
    module: 'readable-stream/lib/_stream_writable.js',
    contents: "module.exports = require('node:stream').Writable;",
  },
  { importer: 'winston', module: '@dabh/diagnostics', contents: 'module.exports = () => () => undefined;' },
  // For commands that are programs of their own.
  { importer: 'commander', module: 'node:child_process', contents: 'module.exports = {};' },
];

/** Leaves out of the bundle what plain HTTP/1 and our command line never run. */
export const lean: Plugin = { name: 'lean', setup };

/** An update of a package that moves one of the modules fails the build, so that none can come back unseen. */
function setup(build: PluginBuild): void {
  const expected = new Set(leftOut);
  const find = (importer: string, module: string): LeftOut | undefined => {
    const found = leftOut.find((one) => one.importer === importer && one.module === module);
    if (found) expected.delete(found);
    return found;
  };
  build.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
    const found = find(packageOf(importer).name, path);
    return found && { path: `${found.importer} ${path}`, namespace: 'lean', pluginData: found.contents };
  });
  build.onLoad({ filter: /./, namespace: 'lean' }, ({ pluginData }) => ({
    contents: String(pluginData),
    resolveDir: import.meta.dirname,
  }));
  build.onLoad({ filter: /\/node_modules\/undici\/lib\// }, ({ path }) => {
    const found = find('undici', packageOf(path).file);
    return found && { contents: found.contents };
  });
  build.onEnd(() => ({
    errors: [...expected].map(({ importer, module }) => ({ text: `${importer} has no ${module} to be left out` })),
  }));
}

export function packageOf(path: string): { readonly name: string; readonly file: string } {
  const [, name = '', file = ''] = /\/node_modules\/([^/]+)\/(?:lib\/)?(.*)$/.exec(path) ?? [];
  return { name, file };
}
