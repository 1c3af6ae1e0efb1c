import { basename } from 'node:path';
import { describeForeign, isErrno } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import { describeWeakness, takeBack } from './read-file.ts';
import { problem, warning, type Problem } from './problem.ts';
import { readPath } from './scalars.ts';
import { pathText } from './show.ts';
import { entriesAt, itemsAt, textAt, type Tree } from './tree.ts';
import { examine, type Weakness } from './trust.ts';

/** The programs of exec consumers: for root, such that nobody else can change what runs. */
export function checkPrograms(files: readonly Tree[], uid: number): Problem[] {
  const problems: Problem[] = [];
  for (const [name, { tree }] of files.flatMap((file) => entriesAt(file, ['consumers']))) {
    const program = textAt(tree, ['type']) === 'exec' ? itemsAt(tree, ['command'])[0] : undefined;
    if (program) problems.push(...checkProgram(program, pathText(['consumers', name, 'command', 0]), uid));
  }
  return problems;
}

function checkProgram({ at, value }: Tree, path: string, uid: number): Problem[] {
  const reading = typeof value === 'string' ? readPath(value) : {};
  if (!('value' in reading)) return [];
  try {
    const { weakness } = examine(reading.value);
    if (uid !== 0 || !weakness) return [];
    return [problem('CONFIG_UNSAFE', at, { path, ...describeWeakness(weakness, remedy(reading.value, weakness)) })];
  } catch (error) {
    const got = isErrno(error, 'ENOENT') ? 'nothing there' : describeForeign(error);
    return [warning(at, { path, message: `expected a program, got ${got}` })];
  }
}

function remedy(program: string, { path, isTarget }: Weakness): string {
  if (isTarget) return takeBack(path);
  // Not /usr/local, where a group may write on Debian.
  const copy = `/etc/credrotate/hooks/${basename(program)}`;
  return `sudo install -D -m 755 -o root -g root ${shellWord(program)} ${shellWord(copy)}, and name that copy`;
}
