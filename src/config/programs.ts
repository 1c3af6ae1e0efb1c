import { judgeCommand, type Fault } from '../paths/command.ts';
import { problem, warning, type Problem } from './problem.ts';
import { readPath } from './scalars.ts';
import { pathText } from './show.ts';
import { entriesAt, itemsAt, textAt, type Tree } from './tree.ts';

/** The programs of exec consumers, and what interpreters among them are given: as a pass judges them. */
export function checkPrograms(files: readonly Tree[], uid: number): Problem[] {
  const problems: Problem[] = [];
  for (const [name, { tree }] of files.flatMap((file) => entriesAt(file, ['consumers']))) {
    const words = textAt(tree, ['type']) === 'exec' ? itemsAt(tree, ['command']) : [];
    problems.push(...checkCommand(words, name, uid));
  }
  return problems;
}

/** One problem for each word: a word can be several paths. */
function checkCommand(words: readonly Tree[], name: string, uid: number): Problem[] {
  const texts = words.map(({ value }) => (typeof value === 'string' ? value : ''));
  const reading = readPath(texts[0] ?? '');
  if (!('value' in reading)) return [];
  const command = texts.with(0, reading.value);
  const faults = new Map(judgeCommand(command, { uid }).map((fault) => [fault.word, fault]));
  return [...faults.values()].flatMap((fault) => {
    const at = words[fault.word]?.at;
    return at ? [describe(at, pathText(['consumers', name, 'command', fault.word]), fault)] : [];
  });
}

function describe(at: Tree['at'], setting: string, { isUnsafe, isMissing, mount, error }: Fault): Problem {
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
