import { dirname } from 'node:path';
import type { ErrorInfo } from '../core/errors.ts';
import { shellWord } from '../core/printable.ts';
import { judgeCommand, type CommandFault } from '../paths/command.ts';
import { errorOf, openDirectory, type Refused, type Use } from '../paths/policies.ts';
import { takeBackOr, withRemedy, type RemedyOf } from '../paths/refusal.ts';
import type { Elsewhere } from '../paths/walked.ts';
import { problem, warning, pathText, type Problem } from './problem.ts';
import { readPath, readTextfile } from './scalars.ts';
import { entriesAt, itemsAt, textAt, find, type Tree } from './tree.ts';

/** The programs of exec consumers and of sources, and what interpreters among them are given: as a pass judges them. */
export function checkPrograms(files: readonly Tree[], uid: number): Problem[] {
  const ofType = (section: string, type: string) =>
    files
      .flatMap((file) => entriesAt(file, [section]))
      .flatMap(([name, { tree }]) => (textAt(tree, ['type']) === type ? [{ path: [section, name], tree }] : []));
  const sources = ofType('sources', 'process');
  return [
    ...(uid === 0 ? sources.flatMap(checkUser) : []),
    ...[...ofType('consumers', 'exec'), ...sources].flatMap(({ path, tree }) =>
      checkCommand(itemsAt(tree, ['command']), [...path, 'command'], uid),
    ),
  ];
}

/** Nobody should run a helper of others as root without having said so. */
function checkUser({ path, tree }: { readonly path: readonly string[]; readonly tree: Tree }): Problem[] {
  if (find(tree, ['user'])) return [];
  const message = 'expected the user who runs it, got nothing: root runs no program of a source unasked';
  const hint = 'add user:, one who has no other rights; root only if it must be';
  return [problem('CONFIG_INVALID', tree.at, { path: pathText([...path, 'user']), message, hint })];
}

/** At most one problem for each word, which can be several paths. */
function checkCommand(words: readonly Tree[], path: readonly string[], uid: number): Problem[] {
  const texts = words.map(({ value }) => (typeof value === 'string' ? value : ''));
  const reading = readPath(texts[0] ?? '');
  if (!('value' in reading)) return [];
  const command = texts.with(0, reading.value);
  const faults = new Map(judgeCommand(command, { uid }).map((fault) => [fault.word, fault]));
  return [...faults.values()].flatMap((fault) => {
    const at = words[fault.word]?.at;
    return at ? [describe(at, pathText([...path, fault.word]), fault)] : [];
  });
}

function describe(at: Tree['at'], setting: string, { isUnsafe, isMissing, mount, error }: CommandFault): Problem {
  if (isUnsafe) {
    const { message, hint } = error;
    return problem('CONFIG_UNSAFE', at, { path: setting, message, hint });
  }
  if (mount !== undefined) {
    const message = `expected a program on a file system that answers by itself, got one on ${mount}: a pass looks at it`;
    return warning(at, { path: setting, message });
  }
  const [, got = ''] = /, got (.*)$/.exec(error.message) ?? [];
  return warning(at, { path: setting, message: `expected a program, got ${isMissing ? 'nothing there' : got}` });
}

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
  if (found.kind === 'directory') {
    const hint = `make it: sudo install -d -m 755 ${shellWord(directory)}`;
    const message = 'expected a file in a directory that is there, got no such directory';
    return found.missing.length === 0 ? [] : [warning(at, { path: PATH, message, hint })];
  }
  if (found.kind === 'refused' && found.refusal.why === 'errno') return [warning(at, { path: PATH, ...found.error })];
  const elsewhere = `sudo install -d -m 755 -o root -g root ${SAFE}, and name that directory here and to node_exporter`;
  const error = distrust('own', directory, found, takeBackOr(elsewhere));
  return [problem('CONFIG_UNSAFE', at, { path: PATH, ...error })];
}

/** Why root may not trust what is at a path, with the remedy of the place where it was named. Throws errno errors. */
export function distrust(use: Use, path: string, found: Elsewhere | Refused, remedy: RemedyOf): ErrorInfo {
  if (found.kind !== 'refused') return errorOf(use, path, found).toInfo();
  if (found.refusal.why === 'errno') throw found.refusal.error;
  return withRemedy(path, found.error, found.refusal, remedy);
}
