import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Lines to be copied, by the name of a supervisor; its last argument names what it runs. */
const SUPERVISORS: Readonly<Record<string, (subject: string) => readonly string[]>> = {
  runsv: (directory) => ['/usr/bin/sv', 'restart', directory],
  's6-supervise': (directory) => ['/usr/bin/s6-svc', '-r', directory],
  supervise: (directory) => ['/usr/bin/svc', '-t', directory],
  supervisord: () => ['/usr/bin/supervisorctl', 'restart', 'NAME'],
  monit: () => ['/usr/bin/monit', 'restart', 'NAME'],
};

/** How to have the supervisor that is a process's parent restart it, for a hint; undefined where none is known. */
export function restartBySupervisor(parent: number): string | undefined {
  const words = readCommand(parent);
  for (const [name, lineFor] of Object.entries(SUPERVISORS)) {
    if (!words.slice(0, 2).some((word) => basename(word) === name)) continue;
    const command = lineFor(basename(words.at(-1) ?? 'NAME')).join(', ');
    return `have ${name} restart it: { type: exec, command: [${command}], when: expiring }`;
  }
  return undefined;
}

function readCommand(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
