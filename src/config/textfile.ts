import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeForeign, isErrno } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import { problem, warning, type Problem } from './problem.ts';
import { describeWeakness, takeBack } from './read-file.ts';
import { readTextfile } from './scalars.ts';
import { find, type Tree } from './tree.ts';
import { examine, type Weakness } from './trust.ts';

/** The files for metrics: for root, in directories where nobody else can put something in their place. */
export function checkTextfiles(files: readonly Tree[], uid: number): Problem[] {
  const trees = files.flatMap((file) => find(file, ['metrics', 'textfile']) ?? []);
  return trees.flatMap((tree) => checkTextfile(tree, uid));
}

const PATH = 'metrics.textfile';
/** The directory that Debian's package makes is its user's. */
const SAFE = '/var/lib/node_exporter/textfile_collector';

function checkTextfile({ at, value }: Tree, uid: number): Problem[] {
  const reading = typeof value === 'string' ? readTextfile(value) : {};
  if (!('value' in reading)) return [];
  try {
    const weakness = textfileWeakness(reading.value);
    if (uid !== 0 || !weakness) return [];
    const remedy = weakness.isTarget
      ? takeBack(weakness.path)
      : `sudo install -d -m 755 -o root -g root ${SAFE}, and name that directory here and to node_exporter`;
    return [problem('CONFIG_UNSAFE', at, { path: PATH, ...describeWeakness(weakness, remedy) })];
  } catch (error) {
    const got = isErrno(error, 'ENOENT') ? 'no such directory' : describeForeign(error);
    const hint = `make it: sudo install -d -m 755 ${shellWord(dirname(reading.value))}`;
    return [warning(at, { path: PATH, message: `expected a file in a directory that is there, got ${got}`, hint })];
  }
}

/** Who else than root could put something in place of the file; undefined when nobody can. Throws errno errors. */
export function textfileWeakness(path: string): Weakness | undefined {
  const directory = dirname(path);
  const { weakness } = examine(directory);
  if (weakness) return weakness;
  // In a directory such as /tmp, which is fit for the way, anybody may make the names that we are about to use.
  const mode = statSync(directory).mode & 0o7777;
  return (mode & 0o022) === 0
    ? undefined
    : { path: directory, isTarget: true, got: `mode ${mode.toString(8).padStart(4, '0')}` };
}
