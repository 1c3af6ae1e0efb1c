// Runs a command from the scripts of a directory, as the executable does from itself, and writes how many characters of
// them it loaded: directory, file for the number, arguments.
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
let characters = 0;
process.argv.splice(1, Infinity, 'main', ...args);
process.on('exit', () => {
  writeFileSync(result, String(characters));
});
load('./main.js');

function load(name: string): unknown {
  if (!name.startsWith('./')) return builtin(name) as unknown;
  const known = loaded.get(name);
  if (known) return known.exports;
  const module: Module = { exports: {} };
  loaded.set(name, module);
  const text = readFileSync(join(directory, name), 'latin1');
  characters += text.length;
  const body = name === './main.js' ? text : `return ${text}(module, exports, require, __filename)`;
  const run = compileFunction(body, ['module', 'exports', 'require', '__filename']) as (...parts: unknown[]) => void;
  run(module, module.exports, load, process.execPath);
  return module.exports;
}
