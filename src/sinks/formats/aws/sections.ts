import { MAX_LINES } from '../text.ts';
import type { Owns } from './keys.ts';
import { garbage, iniLines, type IniHeader, type IniLine, type IniProperty } from './lines.ts';

/** One copy of a section; a file may hold several of one name. */
export interface Section {
  readonly header: IniHeader;
  /** Where the lines between the header and the first property end. */
  readonly leadEnd: number;
  /** Indentation of its first property; undefined when it has none. */
  readonly indent: string | undefined;
  /** Those of its properties that are ours. */
  readonly owned: readonly Owned[];
  /** Whether it has comments, and properties that are not ours. */
  readonly hasOthers: boolean;
}

export interface Owned extends IniProperty {
  /** Where the lines below it, which may continue its value, end. */
  readonly end: number;
}

/** Each takes a set of keys: a file of nothing but copies would come out many times as large. */
const MAX_COPIES = 16;

/** The copies of a profile's section. */
export interface Sections {
  readonly exact: readonly Section[];
  /** With blanks around the name: for some readers the same profile, for most another. */
  readonly similar: readonly Section[];
}

/** `see` is told every line. Throws a refusal when some reader would reject or misread the file. */
export function readSections(
  text: string,
  profile: string,
  owns: Owns,
  see: (line: IniLine) => void = () => undefined,
): Sections {
  const copies: Section[] = [];
  let reader: SectionReader | undefined;
  for (const line of iniLines(text)) {
    see(line);
    if (line.kind !== 'header') reader?.add(line);
    else {
      if (reader) copies.push(reader.end(line.line.start));
      reader = line.name.trim() === profile ? new SectionReader(line, owns) : undefined;
      if (copies.length === MAX_COPIES && reader) {
        throw garbage(line.line, `at most ${MAX_COPIES} sections of the profile`, 'more');
      }
    }
  }
  if (reader) copies.push(reader.end(text.length));
  return {
    exact: copies.filter(({ header }) => header.name === profile),
    similar: copies.filter(({ header }) => header.name !== profile),
  };
}

class SectionReader {
  readonly #header: IniHeader;
  readonly #owns: Owns;
  readonly #owned: Owned[] = [];
  #leadEnd: number | undefined;
  #indent: string | undefined;
  #hasOthers = false;
  /** A property of ours to whose value the next lines may belong. */
  #open: IniProperty | undefined;

  constructor(header: IniHeader, owns: Owns) {
    this.#header = header;
    this.#owns = owns;
  }

  add(line: Exclude<IniLine, IniHeader>): void {
    if (line.kind === 'comment' || line.kind === 'white') this.#hasOthers = true;
    if (line.kind !== 'property') return;
    this.#close(line.line.start);
    this.#indent ??= line.indent;
    if (!this.#owns(line)) this.#hasOthers = true;
    else if (this.#owned.length < MAX_LINES) this.#open = line;
    else throw garbage(line.line, `at most ${MAX_LINES} lines that set keys of ours`, 'more');
  }

  end(at: number): Section {
    this.#close(at);
    return {
      header: this.#header,
      leadEnd: this.#leadEnd ?? at,
      indent: this.#indent,
      owned: this.#owned,
      hasOthers: this.#hasOthers,
    };
  }

  #close(at: number): void {
    this.#leadEnd ??= at;
    if (this.#open) this.#owned.push({ ...this.#open, end: at });
    this.#open = undefined;
  }
}
