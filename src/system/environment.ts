import { writeFileSync } from 'node:fs';
import { isSea } from 'node:sea';

/** Node obeys them before our first line runs: it writes or reads files that they name, or prints what it exchanges. */
const OBEYED = [
  ...[
    'NODE_COMPILE_CACHE',
    'NODE_DEBUG',
    'NODE_DEBUG_NATIVE',
    'NODE_EXTRA_CA_CERTS',
    'NODE_ICU_DATA',
    'NODE_REDIRECT_WARNINGS',
  ],
  ...['NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_V8_COVERAGE'],
];

/** With it a variable has a name that Node does not know. */
const ASIDE = 'CREDROTATE_ASIDE_';

/**
 * Root starts the executable once more where the environment would steer the Node inside, without these variables, and
 * before this process writes anything at its end. Afterwards they are back for the program that `exec` becomes: Node
 * looks at them only as it starts, apart from NODE_TLS_REJECT_UNAUTHORIZED, which no connection of ours goes by.
 */
export function ignoreNodeVariables(): void {
  if (!isSea() || process.getuid?.() !== 0) return;
  if (OBEYED.some((name) => process.env[name] !== undefined)) restartWithout();
  for (const name of OBEYED) rename(process.env, ASIDE + name, name);
}

function restartWithout(): void {
  const env = { ...process.env };
  for (const name of OBEYED) rename(env, name, ASIDE + name);
  // By this name, since the file may be that of a newer version by now.
  process.execve?.('/proc/self/exe', [process.argv0, ...process.argv.slice(2)], env);
}

function rename(env: NodeJS.ProcessEnv, from: string, to: string): void {
  if (env[from] === undefined) return;
  env[to] = env[from];
  Reflect.deleteProperty(env, from);
}

/** For ps and killall: Node names its threads, and this one after itself. Where there is no /proc nobody looks. */
export function nameProcess(): void {
  try {
    writeFileSync('/proc/self/comm', 'credrotate');
  } catch {
    // It has another name then.
  }
}
