import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { digest } from '../core/digest.ts';
import { isErrno } from '../core/errors.ts';
import { errorOf, openDirectory } from '../paths/policies.ts';
import { takeBackOr, withRemedy } from '../paths/remedy.ts';
import { assemble } from './assemble.ts';
import { parseYaml } from './document.ts';
import { problem, warning, type ConfigResult, type Problem } from './problem.ts';
import { checkPrograms } from './programs.ts';
import { describeFailure, readConfigFile, type FileText } from './read-file.ts';
import type { ValidatePattern } from './settings-rules.ts';
import { checkTextfiles } from './textfile.ts';

export type { ConfigResult, Problem } from './problem.ts';

export interface LoadOptions {
  /** Who asks; for 0 all that can run commands must be root's alone. */
  readonly uid: number;
  readonly validatePattern: ValidatePattern;
  /** In place of `conf.d` beside the main file. */
  readonly confDir?: string;
  /** Looks at nothing that the files name. */
  readonly isTextAlone?: boolean;
  /** A file as it is about to be written: its text counts, whatever is there. */
  readonly draft?: { readonly path: string; readonly text: string } | undefined;
}

/** May be missing where conf.d is there; a file of another name is one that somebody chose. */
export const MAIN_FILE = 'credrotate.yaml';

/**
 * The configuration of a file and of `conf.d/*.yaml` beside it, or all problems of all of them. Never throws for what
 * the files hold or lack.
 */
export function loadConfig(path: string, options: LoadOptions): ConfigResult {
  const { uid, validatePattern } = options;
  const { files, texts, problems, digest } = readSources(path, options);
  const trees = [];
  for (const { file, text } of texts) {
    const parsed = parseYaml(file, text);
    if (parsed.ok) trees.push(parsed.tree);
    else problems.push(...parsed.problems);
  }
  if (files.length === 0) trees.push({ at: { file: confD(path) }, value: new Map() });
  if (!options.isTextAlone) problems.push(...checkPrograms(trees, uid), ...checkTextfiles(trees, uid));
  return assemble({ path, digest, files: files.length > 0 ? files : [confD(path)], trees, problems, validatePattern });
}

export interface Sources {
  /** In order. */
  readonly files: readonly string[];
  /** Of those that could be read. */
  readonly texts: readonly { readonly file: string; readonly text: string }[];
  readonly problems: Problem[];
  /** Changes with every byte. */
  readonly digest: string;
}

/** What the files of a configuration hold. */
export function readSources(
  path: string,
  { uid, draft, confDir: directory = confD(path) }: Omit<LoadOptions, 'validatePattern'>,
): Sources {
  const dropIns = listDropIns(directory, { uid, draft });
  const isLeftOut = (one: FileText): boolean =>
    basename(path) === MAIN_FILE && dropIns.isThere && !one.ok && one.isMissing === true;
  const read = [path, ...dropIns.files]
    .map((file) =>
      file === draft?.path ? { file, ok: true as const, text: draft.text } : { file, ...readConfigFile(file, uid) },
    )
    .filter((one) => one.file !== path || !isLeftOut(one));
  const texts = read.flatMap((one) => (one.ok ? [{ file: one.file, text: one.text }] : []));
  return {
    files: read.map(({ file }) => file),
    texts,
    problems: [...dropIns.problems, ...read.flatMap((one) => (one.ok ? [] : [one.problem]))],
    digest: digest(JSON.stringify(read.map((one) => [one.file, one.ok ? one.text : one.problem.message]))),
  };
}

/** Not normalized: what `..` means behind a symlink the walk knows. */
export function confD(path: string): string {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}conf.d`;
}

interface DropIns {
  /** The directory, whatever is in it. */
  readonly isThere: boolean;
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

/** In name order, byte by byte; hidden files and other endings are not ours. */
function listDropIns(directory: string, { uid, draft }: Pick<LoadOptions, 'uid' | 'draft'>): DropIns {
  const drafted: readonly string[] =
    draft && confD(draft.path).replace(/\/conf\.d$/, '') === directory ? [basename(draft.path)] : [];
  const paths = (names: readonly string[]): readonly string[] =>
    [...new Set([...names, ...drafted])].sort(compareBytes).map((name) => `${directory}/${name}`);
  try {
    const listed = uid === 0 ? namesForRoot(directory) : readdirSync(directory);
    if (!Array.isArray(listed)) return { isThere: true, files: [], problems: [listed] };
    const names = listed.filter((name) => !name.startsWith('.'));
    const problems = names.flatMap((name) => misnamed(directory, name));
    return { isThere: true, files: paths(names.filter((name) => name.endsWith('.yaml'))), problems };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return { isThere: drafted.length > 0, files: paths([]), problems: [] };
    const unreadable = problem('CONFIG_UNREADABLE', { file: directory }, describeFailure('a directory', error));
    return { isThere: true, files: [], problems: [unreadable] };
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Of a directory that nobody else can change, or what is wrong with it. Throws errno errors. */
function namesForRoot(directory: string): string[] | Problem {
  using found = openDirectory('configuration', directory, { uid: 0 });
  if (found.kind === 'directory' && found.missing.length > 0) throw Object.assign(new Error(), { code: 'ENOENT' });
  if (found.kind === 'directory') return [...found.held.names()];
  const refusal = found.kind === 'refused' ? found.refusal : undefined;
  if (refusal?.why === 'errno') throw refusal.error;
  const error = found.kind === 'refused' ? found.error : errorOf('configuration', directory, found).toInfo();
  const elsewhere = 'sudo install -d -m 755 -o root -g root /etc/credrotate/conf.d';
  return problem('CONFIG_UNSAFE', { file: directory }, withRemedy(directory, error, refusal, takeBackOr(elsewhere)));
}

function misnamed(directory: string, name: string): Problem[] {
  if (!name.endsWith('.yml')) return [];
  return [
    warning({ file: `${directory}/${name}` }, { message: 'expected a name ending in .yaml, got .yml: it is not read' }),
  ];
}
