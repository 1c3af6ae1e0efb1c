import { constants } from 'node:os';
import type { SignalName } from '../core/config.ts';

/** `kill -HUP $MAINPID`, `kill -s HUP ${MAINPID}`, by its path or in a shell. */
const KILL = /(?:^|[\s/"';&])kill\s+(?:-s\s*|--signal[=\s]\s*|-n\s*|-)?(?:SIG)?(\w+)?\s*(?:--\s+)?["']?\$\{?MAINPID\b/;

/** systemctl shows each line as `{ path=… ; argv[]=… ; ignore_errors=… }`. */
const ARGV = /argv\[\]=(.*?) ;/g;

/** Signals that the main process gets from an ExecReload=, as `systemctl show` prints it. */
export function signalsOf(execReload: string): readonly SignalName[] {
  return [...execReload.matchAll(ARGV)].flatMap(([, argv = '']) => {
    const kill = KILL.exec(argv);
    return kill ? (signalNamed(kill[1] ?? 'TERM') ?? []) : [];
  });
}

const NAMES = ['SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGWINCH', 'SIGCONT'] as const;

function signalNamed(word: string): SignalName | undefined {
  return NAMES.find((name) => name === `SIG${word.toUpperCase()}` || constants.signals[name] === Number(word));
}
