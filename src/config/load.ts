import { isUtf8 } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Config } from '../core/config.ts';
import { digest } from '../core/digest.ts';
import { AgentError, describeForeign, errnoError, isErrno } from '../core/errors.ts';
import { shellWord } from '../core/printable.ts';
import { readFile } from '../files/read.ts';
import { Held } from '../paths/held.ts';
import { openDirectory, openFile } from '../paths/policies.ts';
import { takeBackOr, takeBack } from '../paths/refusal.ts';
import { assemble } from './assemble.ts';
import { parseYaml } from './document.ts';
import {
  problem,
  warning,
  formatProblems,
  type ConfigResult,
  type FileText,
  type Problem,
  type ProblemText,
} from './problem.ts';
import { checkPrograms, checkTextfiles, distrust } from './named.ts';
import type { ValidatePattern } from './rules.ts';
import { readTemplates } from './template-files.ts';

export type { ConfigResult, Problem } from './problem.ts';

export interface LoadOptions {
  /** The user id of the reader; for 0, files that can run commands must be writable by root alone. */
  readonly uid: number;
  readonly validatePattern: ValidatePattern;
  readonly confDir?: string;
  /** Do not look at the paths that the files name. */
  readonly isTextAlone?: boolean;
  /** A file that is about to be written: this text counts. */
  readonly draft?: { readonly path: string; readonly text: string } | undefined;
}

/** It may be missing if conf.d is there; a file of another name must exist. */
export const MAIN_FILE = 'credrotate.yaml';

/**
 * The configuration of a file and of `conf.d/*.yaml` beside it, or all problems of all of them. Never throws for what
 * the files hold or lack.
 */
export function loadConfig(path: string, options: LoadOptions): ConfigResult {
  const { uid, validatePattern } = options;
  const { files, texts, problems, digest: main } = readSources(path, options);
  const parsedTrees = [];
  for (const { file, text } of texts) {
    const parsed = parseYaml(file, text);
    if (parsed.ok) parsedTrees.push(parsed.tree);
    else problems.push(...parsed.problems);
  }
  if (files.length === 0) parsedTrees.push({ at: { file: confD(path) }, value: new Map() });
  const found = readTemplates(options.isTextAlone ? [] : parsedTrees, (file) => readConfigFile(file, uid));
  const trees = options.isTextAlone ? parsedTrees : found.trees;
  problems.push(...found.problems);
  const templates = found.paths.length > 0 ? found.paths : undefined;
  const digest = withTemplates(main, templates, uid);
  if (!options.isTextAlone) problems.push(...checkPrograms(trees, uid), ...checkTextfiles(trees, uid));
  const origin = { path, digest, templates, files: files.length > 0 ? files : [confD(path)] };
  return assemble({ ...origin, trees, problems, validatePattern });
}

/** Changes with every byte of these files, too. */
function withTemplates(main: string, templates: readonly string[] | undefined, uid: number): string {
  if (!templates) return main;
  const texts = templates
    .map((file) => readConfigFile(file, uid))
    .map((one) => (one.ok ? one.text : one.problem.message));
  return digest(JSON.stringify([main, ...texts]));
}

interface ConfigTexts {
  readonly files: readonly string[];
  readonly texts: readonly { readonly file: string; readonly text: string }[];
  readonly problems: Problem[];
  readonly digest: string;
}

function readSources(
  path: string,
  { uid, draft, confDir: directory = confD(path) }: Omit<LoadOptions, 'validatePattern'>,
): ConfigTexts {
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

/** Not normalized: `..` behind a symlink is for the walk. */
function confD(path: string): string {
  return `${path.slice(0, path.lastIndexOf('/') + 1)}conf.d`;
}

interface DropIns {
  /** The directory, whatever is in it. */
  readonly isThere: boolean;
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

/** Sorted by name, byte by byte. Hidden files and other endings are left alone. */
function listDropIns(directory: string, { uid, draft }: Pick<LoadOptions, 'uid' | 'draft'>): DropIns {
  const drafted: readonly string[] =
    draft && confD(draft.path).replace(/\/conf\.d$/, '') === directory ? [basename(draft.path)] : [];
  const paths = (names: readonly string[]): readonly string[] =>
    [...new Set([...names, ...drafted])]
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((name) => `${directory}/${name}`);
  try {
    const listed = uid === 0 ? namesForRoot(directory) : readdirSync(directory);
    if (!Array.isArray(listed)) return { isThere: true, files: [], problems: [listed] };
    const names = listed.filter((name) => !name.startsWith('.'));
    const problems = names
      .filter((name) => name.endsWith('.yml'))
      .map((name) => warning({ file: `${directory}/${name}` }, MISNAMED));
    return { isThere: true, files: paths(names.filter((name) => name.endsWith('.yaml'))), problems };
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return { isThere: drafted.length > 0, files: paths([]), problems: [] };
    const unreadable = problem('CONFIG_UNREADABLE', { file: directory }, describeFailure('a directory', error));
    return { isThere: true, files: [], problems: [unreadable] };
  }
}

/** The names in a directory that only root can change, or the problem with it. Throws errno errors. */
function namesForRoot(directory: string): string[] | Problem {
  using found = openDirectory('configuration', directory, { uid: 0 });
  if (found.kind === 'directory' && found.missing.length > 0) throw Object.assign(new Error(), { code: 'ENOENT' });
  if (found.kind === 'directory') return [...found.held.names()];
  const elsewhere = 'sudo install -d -m 755 -o root -g root /etc/credrotate/conf.d';
  const error = distrust('configuration', directory, found, takeBackOr(elsewhere));
  return problem('CONFIG_UNSAFE', { file: directory }, error);
}

const MISNAMED = { message: 'expected a name ending in .yaml, got .yml: it is not read' };

/** The text of a configuration file. For root, of one that nobody else can change: it can run commands as root. */
export function readConfigFile(file: string, uid: number): FileText {
  try {
    if (uid !== 0) return readHeld(file, Held.unjudged(file));
    using found = openFile('configuration', file, { uid });
    if (found.kind === 'file') return readHeld(file, found.held);
    if (found.kind === 'absent') throw errnoError('ENOENT', 'open');
    const error = distrust('configuration', file, found, (at) => installConfig(file, at));
    return refuse(file, error.code === 'CONFIG_UNSAFE' ? error.code : 'CONFIG_UNREADABLE', error);
  } catch (error) {
    const refused = refuse(file, 'CONFIG_UNREADABLE', describeFailure('a file', error));
    return { ...refused, isMissing: isErrno(error, 'ENOENT') };
  }
}

function readHeld(file: string, held: Held): FileText {
  using reading = held;
  try {
    return decode(file, readFile(reading, { notRegular: 'CONFIG_UNREADABLE', tooLarge: 'CONFIG_INVALID' }).bytes);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const message = error.message.replace(`${held.path}: `, '');
    return refuse(file, error.code === 'CONFIG_INVALID' ? error.code : 'CONFIG_UNREADABLE', { message });
  }
}

const HOME = '/etc/credrotate';

/** A copy where only root can write, since whoever owns a file may still hold it open; what is there is taken back. */
function installConfig(file: string, at: string): string {
  if (resolve(file).startsWith(`${HOME}/`)) return takeBack(at);
  const target = basename(dirname(resolve(file))) === 'conf.d' ? `conf.d/${basename(file)}` : 'credrotate.yaml';
  return `sudo install -m 644 -o root -g root ${shellWord(file)} ${shellWord(`${HOME}/${target}`)}`;
}

function decode(file: string, bytes: Buffer): FileText {
  const expected = 'expected YAML in UTF-8, got';
  if (/^(?:\xff\xfe|\xfe\xff)/.test(bytes.toString('latin1', 0, 2))) {
    return refuse(file, 'CONFIG_INVALID', { message: `${expected} UTF-16`, hint: 'save it as UTF-8' });
  }
  if (!isUtf8(bytes) || bytes.includes(0))
    return refuse(file, 'CONFIG_INVALID', { message: `${expected} other bytes` });
  return { ok: true, text: bytes.toString().replace(/^\uFEFF/, '') };
}

function refuse(file: string, code: Problem['code'], finding: ProblemText): Extract<FileText, { ok: false }> {
  return { ok: false, problem: problem(code, { file }, finding) };
}

function describeFailure(expected: 'a file' | 'a directory', error: unknown): ProblemText {
  const message = (got: string): string => `expected ${expected}, got ${got}`;
  if (isErrno(error, 'ENOENT')) {
    return { message: message('nothing there'), hint: 'write one there, or name another with --config' };
  }
  const hint = isErrno(error, 'EACCES') ? 'run it as root, or let everybody read it: it holds no secrets' : undefined;
  return { message: message(describeForeign(error)), hint };
}

/** The configuration on disk, compared with the one that was read. */
export interface FoundOnDisk {
  readonly state: 'in_force' | 'edited' | 'refused' | 'unknown';
  /** The last change of its files; RFC 3339. */
  readonly since?: string;
  /** The first thing that is wrong with it. */
  readonly problem?: string;
}

/** The marks of a configuration in force, by which another differs. */
export interface InForce {
  readonly path: string;
  readonly templates?: readonly string[];
  /** Digest of the bytes of its files. */
  readonly digest: string;
  /** Digest of the settings: edits that change none are no change. */
  readonly meaning: string;
}

/** Undefined for one that options of the command line made. */
export function inForceOf(config: Config): InForce | undefined {
  const { path, digest: bytes, templates } = config;
  return path === undefined || bytes === undefined
    ? undefined
    : { path, ...(templates && { templates }), digest: bytes, meaning: meaningOf(config) };
}

function meaningOf(config: Config): string {
  return digest(
    JSON.stringify({ ...config, path: undefined, digest: undefined, files: undefined, templates: undefined }),
  );
}

/** Compares the files on disk with those that were read. Parses them only if their bytes differ. */
export function lookOnDisk(inForce: InForce, options: LoadOptions): FoundOnDisk {
  const { path, templates } = inForce;
  const { files, texts, digest: main } = readSources(path, options);
  const found = withTemplates(main, templates, options.uid);
  if (found === inForce.digest) return { state: 'in_force' };
  const result = loadConfig(path, options);
  if (result.ok && meaningOf(result.config) === inForce.meaning) return { state: 'in_force' };
  const common = sinceOf(
    [...files, ...(templates ?? [])],
    [confD(path), ...(texts.length === files.length ? [] : [dirname(path)])],
    options.uid,
  );
  if (result.ok) return { state: 'edited', ...common };
  // Without the right to read it, nothing is known of it.
  if (options.uid !== 0 && result.problems.every(({ code }) => code === 'CONFIG_UNREADABLE'))
    return { state: 'unknown' };
  const [first = ''] = formatProblems(result.problems).split('\n');
  return { state: 'refused', ...common, problem: first };
}

/**
 * The last change. A file of conf.d that has gone leaves its trace in the directory. Where root may not look, since
 * others could serve what is there by now, nothing is known.
 */
function sinceOf(files: readonly string[], directories: readonly string[], uid: number): Pick<FoundOnDisk, 'since'> {
  const times = [
    ...files.flatMap((path) => changedAt(openFile, path, uid)),
    ...directories.flatMap((path) => changedAt(openDirectory, path, uid)),
  ];
  return times.length === 0 ? {} : { since: new Date(Math.max(...times)).toISOString() };
}

/** Epoch milliseconds; empty if unknown. */
function changedAt(open: typeof openFile | typeof openDirectory, path: string, uid: number): readonly number[] {
  try {
    if (uid !== 0) {
      using held = Held.unjudged(path);
      return [Number(held.stat().ctimeMs)];
    }
    using found = open('configuration', path, { uid });
    const isThere = found.kind === 'file' || (found.kind === 'directory' && found.missing.length === 0);
    return isThere ? [Number(found.held.stat().ctimeMs)] : [];
  } catch (error) {
    if (isErrno(error)) return [];
    throw error;
  }
}
