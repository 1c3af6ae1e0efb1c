import { refusal, type Line } from '../text.ts';

/**
 * Reads the lines that are not ours, in order, as a shell does, and as readers do that know only assignments: which
 * variables are exported, which lines a shell reaches, and where new lines can go.
 */
export class ShellReader {
  /** Whether what is set from here on is exported (`set -a`). */
  exportsAll = false;
  /** Whether the last line continues on the next. */
  goesOn = false;
  /** Behind the last name of the last line that exports variables of ours by their names. */
  listEnd: number | undefined;
  readonly #any: RegExp;
  readonly #mention: RegExp;
  readonly #names: ReadonlySet<string>;
  readonly #listed = new Set<string>();
  /** The ends of the open blocks. */
  readonly #blocks: string[] = [];
  #hasStopped = false;
  #mayStop = false;
  #commands = 0;
  /** Assignments, and those that export. */
  #assignments = 0;
  #exports = 0;
  /** Behind the last line that all readers leave behind them, and whether one follows that some do not. */
  #place = 0;
  #isBlocked = false;

  constructor(names: ReadonlySet<string>) {
    const any = [...names].join('|');
    this.#names = names;
    this.#any = new RegExp(any);
    this.#mention = new RegExp(
      `(?:^|[^\\w.$\\-{])(?:${any})\\+?=|^\\s*(?:unset|export|declare|typeset|local|readonly|read|setenv)\\s(?:.*[^\\w.$\\-{])?(?:${any})(?![\\w.-])`,
    );
  }

  /** Whether a line exports the variable by its name. */
  lists(name: string): boolean {
    return this.#listed.has(name);
  }

  /** Whether new variables are to be exported, by what the file does with others. */
  get exportsNew(): boolean {
    return this.#listed.size > 0 || (this.#assignments > 0 && this.#exports === this.#assignments);
  }

  /** Throws a refusal for a line of ours that a shell may not reach. */
  requireReached(line: Line): void {
    if (!this.#hasStopped && this.#blocks.length === 0) return;
    const got = this.#hasStopped ? 'one below exit, return or <<' : 'one inside a block';
    throw unclear(line, 'variables of ours where every shell reaches them', got);
  }

  /** Where new lines can go when none of ours is there. */
  place(text: string): number {
    return this.#isBlocked ? this.#place : text.length;
  }

  /** A line that belongs to a quoted value of the line above. */
  goOn(line: Line): void {
    this.goesOn = isEscaped(line.text, line.text.length, -1);
    if (!this.#isBlocked) this.#place = line.next;
  }

  /**
   * Takes a line that sets another variable to a word, or that does nothing that matters; {@link see} takes all others.
   */
  passes(line: Line): boolean {
    const text = line.text.trimStart();
    if (this.#any.test(text) || FOLLOWED.test(text)) return false;
    const isSet = BARE.test(text);
    if (!isSet && text.includes('=')) return false;
    this.goesOn = false;
    if (isSet) {
      this.#assignments++;
      this.#pass(line);
    } else this.#isBlocked = true;
    return true;
  }

  see(line: Line, set: ParsedAssignment | undefined): void {
    const { text } = line;
    this.goesOn = isEscaped(text, text.length, -1);
    if (text.startsWith('#')) {
      this.#isBlocked ||= this.goesOn;
      return;
    }
    const isSet = set?.delimiter === '=';
    if (isSet) this.#assignment(text, set);
    if (!set || !isAlone(text, set.valueAt)) this.#command(line, text.trimStart());
    else if (!isSet) this.#isBlocked = true;
    if (isSet) this.#pass(line);
  }

  #assignment(text: string, { isExported, valueAt }: ParsedAssignment): void {
    this.#assignments++;
    if (isExported) this.#exports++;
    // Node takes the next line for the value if only blanks follow the =.
    if (valueAt === text.length && /\s$/.test(text)) this.goesOn = true;
  }

  #command(line: Line, text: string): void {
    if (++this.#commands > MAX_COMMANDS) throw unclear(line, `at most ${MAX_COMMANDS} lines of commands`, 'more');
    this.#refuseMention(line, text);
    this.goesOn ||= GOES_ON.test(text);
    const wasOpen = this.#blocks.length > 0;
    const opens = this.#follow(text);
    const isOpen = this.#blocks.length > 0;
    this.#mayStop ||= MAY_STOP.test(text);
    // New lines must come behind what exports them, and behind what may set ours.
    const counts = this.#setsAll(text) || wasOpen || opens || SOURCES.test(text);
    if (counts && !isOpen) this.#pass(line);
    else this.#isBlocked = true;
    // The following lines are not reached, or may be the text of a here-document.
    if ((!isOpen && STOPS.test(text)) || HERE_DOCUMENT.test(text)) this.#hasStopped = true;
  }

  /** Whether from here on all is exported. */
  #setsAll(text: string): boolean {
    const sign = SET_ALL.exec(text)?.[1];
    if (sign !== undefined) this.exportsAll = sign === '-';
    return sign === '-';
  }

  #refuseMention(line: Line, text: string): void {
    const list = exportList(text);
    const own = list.filter((name) => this.#names.has(name));
    for (const name of own) this.#listed.add(name);
    if (own.length > 0) this.listEnd = line.start + exportListEnd(line.text);
    if (text.startsWith('#') || list.length > 0 || !this.#mention.test(text)) return;
    throw unclear(line, 'no variable of ours in a command', 'one');
  }

  /** Follows the blocks that the line opens and closes; gives whether it begins with one. */
  #follow(text: string): boolean {
    const first = OPENS.exec(text)?.[0];
    if (first === undefined) {
      if (CLOSES.test(text)) this.#blocks.pop();
      return false;
    }
    const end = ENDS.get(first) ?? '}';
    const isClosed = text.split(/[\s;]+/).includes(end) || text.endsWith(end);
    if (!isClosed) this.#blocks.push(end);
    return true;
  }

  #pass(line: Line): void {
    if (this.#hasStopped || this.#mayStop || this.#blocks.length > 0) return;
    this.#isBlocked = this.goesOn;
    if (!this.goesOn) this.#place = line.next;
  }
}

/** Of those that matter here; no script has so many in 1 MiB. */
const MAX_COMMANDS = 65_536;

const GOES_ON = /(?:&&|\|)\s*$/;
const HERE_DOCUMENT = /(?:^|[\s;)])\d?<<-?\s*["'\\]?[A-Za-z_]/;
const SET_ALL = /^set\s+([-+])(?:[b-zA-Z]*a[a-zA-Z]*|o\s+allexport)\b/;
const SOURCES = /^(?:\.|source|eval)\s/;
/** Under some condition; new lines go before it. */
const MAY_STOP = /(?:^|[\s;&|])(?:exit|return|exec)(?![\w=-])/;
const STOPS = /^(?:exit|return|exec)\b/;
const CLOSES = /^(?:fi|esac|done|[)}])(?![\w-])/;
/** The ends of the blocks that these words begin; a function ends with `}`. */
const ENDS: ReadonlyMap<string, string> = new Map([
  ['if', 'fi'],
  ['case', 'esac'],
  ...['for', 'while', 'until', 'select'].map((word) => [word, 'done'] as const),
  ['(', ')'],
]);
const OPENS =
  /^(?:(?:if|case|for|while|until|select|\{)(?=\s|$)|\(|(?:function\s+)?[\w-]+\s*\(\)(?=\s*\{)|function(?=\s))/;

/** The parts of a line that matter besides variables of ours. */
const FOLLOWED = new RegExp(
  [/["'`\\#]|export/, OPENS, CLOSES, SET_ALL, SOURCES, MAY_STOP, STOPS, HERE_DOCUMENT, GOES_ON]
    .map(({ source }) => source)
    .join('|'),
);
/** A variable and a word without quotes. */
const BARE = /^[\w.-]+\s*=(?:\s*[^\s;&|<>()]+\s*)?$/;

export function unclear({ number }: Pick<Line, 'number'>, expected: string, got: string): Error {
  return refusal(
    `line ${number}: expected ${expected}, got ${got}`,
    `correct line ${number} by hand, or give the credentials a file of their own`,
  );
}

/** A line that says nothing but this of variables of ours. */
export interface OwnLine {
  readonly assignments: readonly ShellAssignment[];
  /** The variables that it exports, set by it or not. */
  readonly exported: ReadonlySet<string>;
}

export interface ShellAssignment {
  readonly name: string;
  /** Without quotes around it. */
  readonly value: string;
}

/** A line that sets a variable, whatever it says besides. */
export interface ParsedAssignment {
  readonly name: string;
  readonly isExported: boolean;
  /** Offset of the value in the line. */
  readonly valueAt: number;
  readonly delimiter: '=' | ':';
}

/** With `=`, or with the colon that npm's and Ruby's dotenv know. */
export function parseAssignment(line: string): ParsedAssignment | undefined {
  const match = /^\s*(export\s+)?([\w.-]+)(?:\s*=|:(?=\s|$))\s*/.exec(line);
  if (match === null) return undefined;
  return {
    name: match[2] ?? '',
    isExported: match[1] !== undefined,
    valueAt: match[0].length,
    delimiter: match[0].includes('=') ? '=' : ':',
  };
}

/** A value of one word, as shells take it: quoted, or bare up to what means something else to a shell. */
const VALUE = /"(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`|[^\s;&|<>()'"`]*/.source;
const ALONE = new RegExp(`(?:${VALUE})(?:\\s+#.*|\\s*)$`, 'y');
const BLANKS = /\s*/y;
const SEMICOLON = /;/y;
const EXPORT = /export\s+/y;
const WORD = new RegExp(`([\\w.-]+)(?:\\s*=\\s*(${VALUE}))?(?=[\\s;]|$)`, 'y');

const EXPORT_LIST = /^\s*export((?:\s+[A-Za-z_]\w*)+)\s*(?:;\s*)?(?:#.*)?$/;

/** The variables that a line exports, which sets none. */
export function exportList(text: string): readonly string[] {
  return EXPORT_LIST.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
}

/** Behind the last of them. */
function exportListEnd(text: string): number {
  return text.indexOf('export') + 'export'.length + (EXPORT_LIST.exec(text)?.[1]?.length ?? 0);
}

/** Whether nothing but a comment follows the value that begins there. */
function isAlone(text: string, valueAt: number): boolean {
  ALONE.lastIndex = valueAt;
  return ALONE.test(text);
}

/**
 * Parses a line that begins with a variable of ours. Several on one line may all be ours, as in `export A=1 B=2` and
 * `A=1; export A`. Throws a refusal when it says anything else: that would be lost with the line.
 */
export function parseOwn(line: Line, names: ReadonlySet<string>): OwnLine {
  const colon = /^\s*([\w.-]+):\s+/.exec(line.text);
  if (colon === null) return parseWords(line, names);
  const [start, name = ''] = colon;
  const value = line.text.slice(start.length).trimEnd();
  if (!isAlone(value, 0)) throw mixed(line);
  return { assignments: [{ name, value: bare(value) }], exported: new Set() };
}

function parseWords(line: Line, names: ReadonlySet<string>): OwnLine {
  const { text } = line;
  const assignments: ShellAssignment[] = [];
  const exported = new Set<string>();
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text) ?? undefined;
    if (found) at = pattern.lastIndex;
    return found;
  };
  /** Past blanks; a comment is the end. */
  const isAtEnd = (): boolean => {
    take(BLANKS);
    return at >= text.length || text[at] === '#';
  };
  const takeWord = (isExport: boolean): void => {
    const [, name = '', value] = take(WORD) ?? [];
    const isClear = value === undefined ? isExport : !names.has(value.split('=')[0] ?? '');
    if (!names.has(name) || !isClear) throw mixed(line);
    if (value !== undefined) assignments.push({ name, value: bare(value) });
    if (isExport) exported.add(name);
  };
  while (!isAtEnd()) {
    if (take(SEMICOLON)) continue;
    const isExport = take(EXPORT) !== undefined;
    do takeWord(isExport);
    while (!isAtEnd() && text[at] !== ';');
  }
  return { assignments, exported };
}

/** Whether an odd number of backslashes precedes `at`, none of them before `from + 1`. */
export function isEscaped(text: string, at: number, from: number): boolean {
  let backslash = at - 1;
  while (backslash > from && text[backslash] === '\\') backslash--;
  return (at - backslash) % 2 === 0;
}

function bare(value: string): string {
  return /^(["'`]).*\1$/.test(value) ? value.slice(1, -1) : value;
}

function mixed(line: Line): Error {
  return refusal(
    `line ${line.number}: expected nothing but variables of ours, their values in one word and a comment, got something else`,
    `put the rest of line ${line.number} on a line of its own, or give the credentials a file of their own`,
  );
}
