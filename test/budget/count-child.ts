// Runs a command from the scripts of a directory, as the executable does from itself, and writes what it loaded, as JSON:
// the names of scripts and of Node's modules. Arguments: directory, file for the names, those of the command.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { compileFunction } from 'node:vm';

interface Module {
  exports: unknown;
}

const [directory = '', result = '', ...args] = process.argv.slice(2);
const builtin = createRequire(import.meta.url);
const loaded = new Map<string, Module>();
process.argv.splice(1, Infinity, 'main', ...args);
process.on('exit', () => {
  writeFileSync(result, JSON.stringify([...loaded.keys()]));
});
load('./main.js');

function load(name: string): unknown {
  const isOurs = name.startsWith('./');
  const known = loaded.get(name);
  if (known && isOurs) return known.exports;
  const module: Module = { exports: {} };
  loaded.set(name, module);
  if (!isOurs) return builtin(name) as unknown;
  const text = readFileSync(join(directory, name), 'latin1');
  const body = name === './main.js' ? text : `return ${text}(module, exports, require, __filename)`;
  const run = compileFunction(body, ['module', 'exports', 'require', '__filename']) as (...parts: unknown[]) => void;
  run(module, module.exports, load, process.execPath);
  return module.exports;
}
