import { readPath } from './scalars.ts';
import type { FileText, Problem } from './problem.ts';
import { isList, isMapping, textAt, type Entry, type Tree } from './tree.ts';

export interface Templates {
  /** Each `template_file` is a `template` now, which knows where it was written. */
  readonly trees: readonly Tree[];
  readonly paths: readonly string[];
  readonly problems: readonly Problem[];
}

/** The templates that sinks name, read with the configuration and trusted as it is. */
export function readTemplates(trees: readonly Tree[], read: (file: string) => FileText): Templates {
  const paths: string[] = [];
  const problems: Problem[] = [];
  const filled = (sink: Tree): Tree => {
    const reading = readPath(textAt(sink, ['template_file']) ?? '');
    if (!isMapping(sink.value) || !('value' in reading) || sink.value.has('template')) return sink;
    const { value: file } = reading;
    const found = read(file);
    paths.push(file);
    if (!found.ok) {
      problems.push(found.problem);
      return sink;
    }
    const template: Tree = { at: { file }, value: found.text };
    const entries = [...sink.value].map(([key, entry]): [string, Entry] =>
      key === 'template_file' ? ['template', { ...entry, tree: template }] : [key, entry],
    );
    return { ...sink, value: new Map(entries) };
  };
  return { trees: trees.map((tree) => withSinks(tree, filled)), paths: [...new Set(paths)], problems };
}

function withSinks(tree: Tree, change: (sink: Tree) => Tree): Tree {
  const sinks = isMapping(tree.value) ? tree.value.get('sinks') : undefined;
  if (!isMapping(tree.value) || !sinks || !isList(sinks.tree.value)) return tree;
  const changed = { ...sinks.tree, value: sinks.tree.value.map(change) };
  return { ...tree, value: new Map([...tree.value, ['sinks', { ...sinks, tree: changed }]]) };
}
