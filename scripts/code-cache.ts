// Compiles the scripts of the current directory ahead: beside each x.js it writes x.js.cache, from which V8 takes what it
// would have to compile at every start. It must run in the Node, and with the options of V8, that the executable has, or
// V8 refuses what it wrote; and with a fixed seed, or no two builds would be alike.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const [main] = process.argv.slice(2);
for (const name of readdirSync('.').filter((name) => name.endsWith('.js') && name !== main)) {
  // Every function at once, not only those that a run would happen to reach. What was compiled keeps the options of now.
  setFlagsFromString('--no-lazy');
  const script = new Script(readFileSync(name, 'latin1'), { filename: name });
  setFlagsFromString('--lazy');
  writeFileSync(`${name}.cache`, script.createCachedData());
}
