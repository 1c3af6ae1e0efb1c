import { OTHER_WAY, otherWay } from './aws-conflicts.ts';
import type { Owns } from './aws-keys.ts';
import { garbage, indentOf, isComment, settingOf } from './ini-lines.ts';
import type { Setting } from './ini-lines.ts';
import { linesOf, MAX_LINES } from './text.ts';
import type { Line } from './text.ts';

/** The lines below a property of ours, up to the next property. */
export interface Tail {
  readonly start: number;
  readonly end: number;
  /** Of the first line. */
  readonly number: number;
  /** Of the property: what is indented deeper may continue its value. */
  readonly indent: string;
}

export interface Settled {
  readonly text: string;
  readonly warnings: readonly string[];
}

/**
 * The tail without what would become part of our value. Text goes, and so do keys of ours. Foreign settings, which
 * JavaScript, Go, Ruby and PHP read there and Python and Java do not, become lines of their own, which all read alike;
 * where that cannot be, the file is refused. `claim`: takes a key for such a line; false when the section has one.
 */
export function settleTail(text: string, tail: Tail, owns: Owns, claim: (key: string) => boolean): Settled {
  const { start, end, number, indent } = tail;
  const parts: string[] = [];
  const settings = new Settings(indent, owns, claim);
  let kept = start;
  for (const line of linesOf(text, start, number, end)) {
    const width = indentOf(line.text).length;
    const body = line.text.slice(width);
    if (width <= indent.length || body.trim() === '' || isComment(body)) continue;
    parts.push(text.slice(kept, line.start), settings.lineFor(line, body, width));
    kept = line.next;
  }
  const settled = parts.join('') + text.slice(kept, end);
  // Java, Rust and CRT readers know comments at the start of a line only: these would become part of our value.
  const result = settled.replaceAll(new RegExp(`(^|\\n)[ \\t]{${indent.length + 1},}(?=[#;])`, 'g'), '$1');
  const moved =
    result === settled ? [] : ['moved an indented comment to the start of its line, out of the value above it'];
  return { text: result, warnings: [...settings.warnings, ...moved] };
}

class Settings {
  readonly warnings: string[] = [];
  readonly #indent: string;
  readonly #owns: Owns;
  readonly #claim: (key: string) => boolean;
  #count = 0;
  /** Of those that become properties. */
  #width: number | undefined;
  #parent: Setting | undefined;

  constructor(indent: string, owns: Owns, claim: (key: string) => boolean) {
    this.#indent = indent;
    this.#owns = owns;
    this.#claim = claim;
  }

  /** What is to stand instead of a line that continues a value of ours. */
  lineFor(line: Line, body: string, width: number): string {
    const setting = BASE64.test(body) ? undefined : settingOf(body);
    const isForeign = setting !== undefined && !this.#owns(setting);
    // JavaScript goes on with the block, whatever the width; Python does not.
    if (this.#parent?.value === '' && this.#width === width) throw unclear(line);
    if (isForeign) return this.#keep(line, setting, width);
    if (this.#width === undefined || (setting && this.#width === width)) return '';
    throw unclear(line);
  }

  #keep(line: Line, setting: Setting, width: number): string {
    if (this.#width === undefined) {
      this.warnings.push(`line ${line.number}: a setting that was indented below a key of ours got a line of its own`);
    }
    this.#width ??= width;
    if (setting.delimiter !== '=' || ++this.#count > MAX_LINES) throw unclear(line);
    if (width <= this.#width || this.#parent?.value !== '') this.#adopt(line, setting, width);
    return this.#indent + line.text.slice(this.#width) + line.eol;
  }

  #adopt(line: Line, setting: Setting, width: number): void {
    const { key } = setting;
    if (OTHER_WAY.test(key)) throw otherWay(line, key);
    if (width !== this.#width || key === '' || !this.#claim(key)) throw unclear(line);
    this.#parent = setting;
  }
}

/** Of a wrapped token rather than a key. */
const BASE64 = /^[A-Za-z0-9+/]{20,}={0,2}\s*$/;

function unclear(line: Line): Error {
  return garbage(line, 'a setting of its own or none', 'one that readers take in different ways below a key of ours');
}
