import { dirname } from 'node:path';
import { shellWord } from '../core/shell-word.ts';
import { errorOf, openDirectory } from '../paths/policies.ts';
import { takeBackOr, withRemedy } from '../paths/remedy.ts';
import { problem, warning, type Problem } from './problem.ts';
import { readTextfile } from './scalars.ts';
import { find, type Tree } from './tree.ts';

/** The files for metrics: in directories where nobody else can put something in their place, as a pass judges them. */
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
  const directory = dirname(reading.value);
  using found = openDirectory('own', directory, { uid });
  if (found.kind === 'directory') return found.missing.length === 0 ? [] : [missing(at, directory)];
  const error = found.kind === 'refused' ? found.error : errorOf('own', directory, found).toInfo();
  const refusal = found.kind === 'refused' ? found.refusal : undefined;
  if (refusal?.why === 'errno') return [warning(at, { path: PATH, ...error })];
  const elsewhere = `sudo install -d -m 755 -o root -g root ${SAFE}, and name that directory here and to node_exporter`;
  return [
    problem('CONFIG_UNSAFE', at, { path: PATH, ...withRemedy(directory, error, refusal, takeBackOr(elsewhere)) }),
  ];
}

function missing(at: Tree['at'], directory: string): Problem {
  const hint = `make it: sudo install -d -m 755 ${shellWord(directory)}`;
  return warning(at, {
    path: PATH,
    message: 'expected a file in a directory that is there, got no such directory',
    hint,
  });
}
