import { SECURITY_TOKEN } from '../../../core/owned.ts';
import { refusal, type Line } from '../text.ts';
import {
  isCredentialKey,
  whiteName,
  type IniContinuation,
  type IniHeader,
  type IniLine,
  type IniProperty,
  type Owns,
  type ProfileSetting,
} from './sections.ts';

/** With one of these keys in a profile, SDKs get its credentials another way and do not use ours. */
export const OTHER_WAYS: ReadonlySet<string> = new Set([
  'role_arn',
  'web_identity_token_file',
  ...['session', 'start_url', 'account_id', 'role_name'].map((name) => `sso_${name}`),
]);

/** Many more than any file of people has; repetitions beyond are not noticed. */
const MAX_SEEN = 5_000;

/**
 * Judges a file as the readers of its profile do, from each line, in order. A line that mixes our keys with others, or
 * keeps some reader from using them, is a refusal; other trouble of readers is a warning. Readers differ most in
 * indented lines: for Python they continue the value above; for the loader of the JavaScript SDK each is a setting, or
 * part of one above that has no value.
 */
export class Readers {
  readonly #profile: string;
  readonly #owns: Owns;
  readonly #firstLines = new Map<string, number>();
  /** The keys of each section. */
  readonly #seen = new Map<string, Set<string>>();
  #seenCount = 0;
  #refusal: Error | undefined;
  #section = '';
  #keys = new Set<string>();
  #isOurs = false;
  /** The property that Python continues on indented lines. */
  #parent: IniProperty | undefined;
  /** Whether JavaScript takes indented lines for a part of a foreign setting. */
  #isNesting = false;
  /** The header of another section that some readers do not see, so that they take what follows for ours. */
  #unseen: IniHeader | undefined;
  /** Whether [DEFAULT] gives every profile a security token. */
  inheritsToken = false;

  constructor(profile: string, owns: Owns) {
    this.#profile = profile;
    this.#owns = owns;
  }

  /** Throws the first refusal. */
  refuse(): void {
    if (this.#refusal) throw this.#refusal;
  }

  get warnings(): string[] {
    return Array.from(this.#firstLines, ([finding, number]) => `line ${number}: ${finding}`);
  }

  /** Takes a key for a new property of the section; false when the section has one, or may have. */
  readonly claim = (section: string, key: string): boolean =>
    this.#seenCount < MAX_SEEN && !this.#isRepeatedKey(this.#seen.get(section) ?? this.#noteSection(section), key);

  readonly see = (line: IniLine): void => {
    if (line.kind === 'header') this.#header(line);
    else if (line.kind === 'property') this.#property(line);
    else if (line.kind === 'continuation') this.#continuation(line);
    else if (line.kind === 'white') {
      this.#warn(line, `${whiteName(line.line.text)} on an empty line: Java readers reject the file`);
    }
  };

  #header(line: IniHeader): void {
    const { name, comment } = line;
    const wasOurs = this.#isOurs || this.#unseen !== undefined;
    const isOurs = name.trim() === this.#profile;
    const isGlued = comment !== '' && line.line.text.length === name.length + comment.length + 2;
    this.#section = name;
    this.#isOurs = isOurs;
    this.#unseen = isGlued && wasOurs && !isOurs ? line : undefined;
    this.#parent = undefined;
    this.#isNesting = false;
    const seen = this.#seen.get(name);
    if (seen && name !== 'DEFAULT') this.#warn(line, REPEATED);
    this.#keys = seen ?? this.#noteSection(name);
    if (comment !== '' && !this.#isOurs) {
      this.#warn(line, 'a comment after a section header: some readers miss the section, others reject the file');
    }
    if (profileOf(name) === this.#profile) {
      this.#warn(line, 'a section that most readers do not take for the profile: left as it is');
    }
  }

  #property(line: IniProperty): void {
    const { key, indent } = line;
    const isRewritten = this.#isOurs && this.#owns(line);
    const wasNesting = this.#isNesting;
    this.#parent = line;
    this.#nest(line, indent, isRewritten);
    if (this.#isRepeatedKey(this.#keys, key) && !isRewritten) this.#warn(line, REPEATED);
    if (this.#section === 'DEFAULT') this.#default(line);
    this.#refusal ??= this.#conflict(line, isRewritten && wasNesting);
    if (this.#isOurs && indent !== '') {
      this.#warn(line, 'the section is indented: Java, Rust and CRT readers reject the file');
    }
    if (this.#isOurs && key === 'credential_process') {
      this.#warn(line, 'credential_process is beside static credentials, which most SDKs prefer');
    }
  }

  #conflict(line: IniProperty, isInNested: boolean): Error | undefined {
    if (this.#unseen && isCredentialKey(line.key)) return glued(this.#unseen);
    if (!this.#isOurs) return undefined;
    if (isInNested && line.indent !== '') return nested(line);
    return OTHER_WAYS.has(line.key) ? otherWay(line.line, line.key) : undefined;
  }

  #default(line: IniProperty): void {
    if (line.key === SECURITY_TOKEN) this.inheritsToken = true;
    if (!OTHER_WAYS.has(line.key)) return;
    this.#warn(line, 'Python readers inherit this from [DEFAULT] and would not use static credentials');
  }

  #continuation(line: IniContinuation): void {
    const parent = this.#parent;
    if (line.setting) this.#refusal ??= this.#nested(line, line.setting);
    if (parent?.value !== '') return;
    if (!line.line.text.includes('=')) this.#warn(line, REPEATED);
    // Below a key without a value, such as `s3 =`, all but a few readers know nested keys.
    if (this.#isOurs && isCredentialKey(line.setting?.key) && !this.#owns(parent)) {
      this.#warn(line, 'part of another setting looks like a key of ours: PHP takes it for one');
    }
  }

  #nested(line: IniLine, setting: ProfileSetting): Error | undefined {
    const parent = this.#parent;
    const isBelowOurs = this.#isOurs && parent !== undefined && this.#owns(parent);
    const wasNesting = this.#isNesting;
    this.#nest(setting, line.indent, isBelowOurs);
    if (this.#unseen && isCredentialKey(setting.key)) return glued(this.#unseen);
    // The continuation of a value of ours is rewritten with it: JavaScript must see a continuation as well.
    if (isBelowOurs) return wasNesting ? nested(line) : undefined;
    const isPart = parent?.value === '' && parent.delimiter === '=';
    return this.#isOurs && isCredentialKey(setting.key) && !isPart ? nested(line) : undefined;
  }

  /** JavaScript knows no colons, and goes by whether a line is indented at all. */
  #nest({ delimiter, value }: ProfileSetting, indent: string, isOurs: boolean): void {
    if (delimiter === '=' && value === '') this.#isNesting = !isOurs;
    else if (delimiter === '=' && indent === '') this.#isNesting = false;
  }

  #warn({ line }: IniLine, finding: string): void {
    if (!this.#firstLines.has(finding)) this.#firstLines.set(finding, line.number);
  }

  #noteSection(name: string): Set<string> {
    const keys = new Set<string>();
    if (this.#seenCount >= MAX_SEEN) return keys;
    this.#seen.set(name, keys);
    this.#seenCount++;
    return keys;
  }

  #isRepeatedKey(keys: Set<string>, key: string): boolean {
    if (this.#seenCount >= MAX_SEEN) return false;
    const before = keys.size;
    if (keys.add(key).size === before) return true;
    this.#seenCount++;
    return false;
  }
}

/** Of `[profile x]`, as the config file has it. */
function profileOf(section: string): string | undefined {
  return /^profile\s+(.*)$/.exec(section.trim())?.[1]?.replace(/^(["'])(.*)\1$/, '$2');
}

const REPEATED = 'Python readers reject the file: repeated above, or nested without "="';

export function otherWay({ number }: Line, key: string): Error {
  return refusal(
    `line ${number}: expected a profile for static credentials, got ${key}`,
    `SDKs would not use credentials beside ${key}: configure another profile, or remove that line`,
  );
}

function nested({ line }: IniLine): Error {
  return refusal(
    `line ${line.number}: expected settings that all readers take alike, got one indented below another`,
    'JavaScript and Python do not agree on what it belongs to: remove its indentation, or the line',
  );
}

function glued({ line }: IniHeader): Error {
  return refusal(
    `line ${line.number}: expected a blank between "]" and a comment, got none, and keys below`,
    'JavaScript and Ruby see no header there and take its keys for those of the profile: put a blank before the comment',
  );
}
