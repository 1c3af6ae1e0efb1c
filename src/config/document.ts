import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { invalid, pathText, show, type ProblemText, type Problem } from './problem.ts';
import type { Entry, SettingPath, Position, Tree } from './tree.ts';

/** Deeper than any setting: a limit for recursion. */
const MAX_DEPTH = 16;

export type Parsed =
  { readonly ok: true; readonly tree: Tree } | { readonly ok: false; readonly problems: readonly Problem[] };

/** YAML 1.2 without what a configuration has no use for: aliases, tags, several documents. Never throws. */
export function parseYaml(file: string, text: string): Parsed {
  const lines = new LineCounter();
  const locate = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const document = compose(text, lines);
  const slips = document ? [...document.errors, ...document.warnings] : [];
  if (document === undefined || slips.some(({ code }) => code === 'RESOURCE_EXHAUSTION')) {
    return failed([invalid({ file }, { message: 'expected settings, got lists or maps nested too deeply' })]);
  }
  if (slips.length > 0) {
    // The parser reports one mistake several times.
    const ofLines = Map.groupBy(
      slips.map((slip) => syntaxProblem(locate(slip.pos[0]), slip)),
      ({ line }) => line,
    );
    return failed([...ofLines.values()].flatMap(([first]) => first ?? []));
  }
  const grower = new Grower(locate);
  const tree = grower.root(document.contents);
  return grower.problems.length > 0 ? failed(grower.problems) : { ok: true, tree };
}

function failed(problems: readonly Problem[]): Parsed {
  return { ok: false, problems };
}

/** Keys are compared by us: the parser's own way takes minutes for a long map. */
function compose(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      uniqueKeys: false,
      resolveKnownTags: false,
      schema: 'core',
      logLevel: 'error',
    });
  } catch (error) {
    // Recursion of the parser itself; it reports everything else.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function syntaxProblem(position: Position, { code, message }: { code: string; message: string }): Problem {
  if (code === 'MULTIPLE_DOCS')
    return invalid(position, { message: 'expected one YAML document, got another after ---' });
  const short = message.replace(/\S{60,}/g, '…').slice(0, 200);
  return invalid(position, {
    message: `expected YAML, got an error: ${short.charAt(0).toLowerCase()}${short.slice(1)}`,
    hint: code === 'TAB_AS_INDENT' ? 'indent with spaces' : undefined,
  });
}

/** Turns nodes of the parser into a {@link Tree}, collecting what it refuses. */
class Grower {
  readonly problems: Problem[] = [];
  readonly #locate: (offset: number) => Position;

  constructor(locate: (offset: number) => Position) {
    this.#locate = locate;
  }

  root(node: Node | null): Tree {
    const tree = this.#grow(node, [], this.#locate(0));
    if (!isMap(node)) {
      const got = node === null || (isScalar(node) && node.value === null) ? 'an empty file' : show(tree.value);
      this.#refuse(tree.at, [], { message: `expected settings such as sinks, got ${got}`, hint: EMPTY_HINT });
    }
    return tree;
  }

  #grow(node: unknown, path: SettingPath, around: Position): Tree {
    const at = this.#position(node) ?? around;
    if (path.length > MAX_DEPTH)
      return this.#refuse(at, path, { message: 'expected a setting, got one nested too deeply' });
    if (isAlias(node)) return this.#refuse(at, path, { message: 'expected the value itself, got an alias (*)' });
    if (isMap(node)) return { at, value: this.#mapping(node, path) };
    if (isSeq(node)) return { at, value: node.items.map((item, index) => this.#grow(item, [...path, index], at)) };
    return { at, value: isScalar(node) ? scalar(node, path) : null };
  }

  #mapping({ items }: YAMLMap, path: SettingPath): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const pair of items) {
      const key = keyText(pair.key);
      const at = this.#position(pair.key) ?? this.#locate(0);
      if (key === undefined) this.#refuse(at, path, { message: 'expected the name of a setting, got another key' });
      else if (entries.has(key)) {
        const line = entries.get(key)?.key.line ?? 0;
        this.#refuse(at, [...path, key], { message: `expected this key once, got it again after line ${line}` });
      } else entries.set(key, { key: at, tree: this.#grow(pair.value, [...path, key], at) });
    }
    return entries;
  }

  #position(node: unknown): Position | undefined {
    const range = node !== null && typeof node === 'object' && 'range' in node ? node.range : undefined;
    return Array.isArray(range) && typeof range[0] === 'number' ? this.#locate(range[0]) : undefined;
  }

  #refuse(at: Position, path: SettingPath, finding: ProblemText): Tree {
    this.problems.push(invalid(at, { path: pathText(path), ...finding }));
    return { at, value: null };
  }
}

const EMPTY_HINT = 'write `sinks: []` where nothing is to be kept';

/** JavaScript objects have a meaning of their own for these. */
const RESERVED: readonly string[] = ['__proto__', 'prototype', 'constructor'];

function keyText(key: unknown): string | undefined {
  const value = isScalar(key) ? key.value : key;
  return typeof value === 'string' && !RESERVED.includes(value) ? value : undefined;
}

/** Modes are octal however they are written, so that of a mode its digits count and not the number YAML sees in them. */
function scalar({ value, source }: Scalar, path: SettingPath): string | number | boolean | null {
  if (typeof value === 'number' && path.at(-1) === 'mode') return source ?? String(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return null;
}
