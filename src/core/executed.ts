import { basename, resolve } from 'node:path';

/** A path that decides what a command executes, and the word of the command that it comes from. */
export interface Executed {
  readonly word: number;
  readonly path: string;
  /** `guess`: a part of a word that would be a path if it were one at all. */
  readonly role: 'program' | 'script' | 'word' | 'guess';
}

/** Patterns of an interpreter's options before its script. Other options are unknown. */
interface InterpreterOptions {
  readonly alone: RegExp;
  /** Options whose value is the next word. */
  readonly valued: RegExp;
}

const SHELL: InterpreterOptions = {
  alone: /^(?:[-+][abefhiklmnprtuvxBCEHPT]+|--(?:login|norc|noprofile|posix|restricted|verbose))$/,
  valued: /^(?:[-+][abefhiklmnprtuvxBCEHPT]*[oO]|--(?:rcfile|init-file))$/,
};

const INTERPRETERS: ReadonlyMap<string, InterpreterOptions> = new Map(
  Object.entries({
    ...Object.fromEntries(
      ['ash', 'bash', 'dash', 'ksh', 'mksh', 'posh', 'rbash', 'sh', 'zsh'].map((name) => [name, SHELL]),
    ),
    python: { alone: /^-[bBdEiIOPqRsSuvx]+$/, valued: /^-[bBdEiIOPqRsSuvx]*[WX]$/ },
    perl: { alone: /^(?:-[cstTuUvwWX]+|-[IMm]\S+)$/, valued: /^-I$/ },
    ruby: { alone: /^(?:-[lsUvw]+|-[IrWEK]\S+|--(?:disable|enable)=\S+)$/, valued: /^-[Ir]$/ },
    node: {
      alone: /^--(?:enable-source-maps|no-warnings|trace-warnings|unhandled-rejections=\S+|(?:import|require)=\S+)$/,
      valued: /^(?:-r|--require|--import)$/,
    },
    php: { alone: /^(?:-[nq]|-d\S+|--no-php-ini)$/, valued: /^-[cdf]$/ },
  }),
);

/** Programs that run another program, or code among their words. */
const WRAPPERS: ReadonlySet<string> = new Set([
  ...['capsh', 'chpst', 'chroot', 'chrt', 'doas', 'dumb-init', 'env', 'envdir', 'expect', 'find', 'firejail', 'flock'],
  ...['gosu', 'ionice', 'ltrace', 'nice', 'nohup', 'nsenter', 'numactl', 'parallel', 'pkexec', 'prlimit', 'run-parts'],
  ...['runuser', 'setarch', 'setpriv', 'setsid', 'setuidgid', 'start-stop-daemon', 'stdbuf', 'strace', 'su', 'su-exec'],
  ...['sudo', 'systemd-run', 'taskset', 'time', 'timeout', 'tini', 'unshare', 'watch', 'xargs', 'ld-linux', 'ld.so'],
  ...['awk', 'bun', 'csh', 'deno', 'fish', 'gawk', 'guile', 'java', 'lua', 'make', 'mawk', 'phpdbg', 'pwsh', 'pypy'],
  ...['sed', 'tclsh', 'tcsh'],
]);

/** Many programs in one, chosen by the name in the call: under their own names they are wrappers. */
const MULTI_CALL: ReadonlySet<string> = new Set(['busybox', 'coreutils', 'toybox']);

/**
 * The program of a command, as it is named, which may be a symlink to `program`. Then, if it is an interpreter, its
 * options and its script; or, if the script cannot be told from the other words, every possible path in any of them.
 * Commands start in "/". Texts that only a shell makes paths (variables, patterns, ~) are not seen.
 */
export function executedBy(command: readonly string[], program = command[0] ?? ''): readonly Executed[] {
  const [first = '', ...words] = command;
  const names = [nameOf(first), ...[nameOf(program)].filter((name) => !MULTI_CALL.has(name))];
  const options = names.map((name) => INTERPRETERS.get(name)).find((one) => one !== undefined);
  const script = options && scriptAmong(words, options);
  const isJudged = options !== undefined || names.some((name) => WRAPPERS.has(name) || MULTI_CALL.has(name));
  const judged = isJudged ? words.slice(0, script) : [];
  return [
    { word: 0, path: first, role: 'program' },
    ...judged.flatMap((word, index) => pathsIn(word).map((found) => ({ ...found, word: index + 1 }))),
    ...(script === undefined
      ? []
      : [{ word: script + 1, path: resolve('/', words[script] ?? ''), role: 'script' as const }]),
  ];
}

/** Without version, build and the like: `python3.13t`, `php8.2-cgi`, `bash-static`, `ld-linux-x86-64.so.2`. */
function nameOf(program: string): string {
  const name = basename(program).replace(/-(?:cgi|cli|dbg|static|x86[-_]64.*|aarch64.*)$/, '');
  const bare = name.replace(/[-\d.]+[a-z]{0,2}$/, '');
  return bare === 'nodejs' ? 'node' : bare;
}

/** Undefined if the script cannot be told from the other words. */
function scriptAmong(words: readonly string[], { alone, valued }: InterpreterOptions): number | undefined {
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '--') return index + 1 < words.length ? index + 1 : undefined;
    if (!/^[-+]/.test(word)) return index;
    if (valued.test(word)) index++;
    else if (!alone.test(word)) return undefined;
  }
  return undefined;
}

/** Parts of a word that may be words of a command themselves. */
export const SEPARATORS = /[\s"'`;|&<>()$*?[\]{}\\,=:!@#%^]+/;

/** The word as a whole, and each part of it with a slash, from its begin and from that slash. */
function pathsIn(word: string): readonly Omit<Executed, 'word'>[] {
  const parts = word.split(SEPARATORS).filter((part) => part.includes('/'));
  const texts = [word, ...parts].filter((text) => text.startsWith('/'));
  const guesses = parts
    .filter((part) => !part.startsWith('/'))
    .flatMap((part) => [part, part.slice(part.indexOf('/'))]);
  const roles = new Map<string, 'word' | 'guess'>();
  for (const text of guesses) roles.set(resolve('/', text), 'guess');
  for (const text of texts) roles.set(resolve('/', text), 'word');
  return [...roles].map(([path, role]) => ({ path, role }));
}
