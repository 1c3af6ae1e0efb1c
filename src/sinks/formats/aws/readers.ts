import { SECURITY_TOKEN } from '../../../core/owned.ts';
import { refusal, type Line } from '../text.ts';
import { isCredentialKey } from './keys.ts';
import {
  whiteName,
  type IniContinuation,
  type IniHeader,
  type IniLine,
  type IniProperty,
  type Owns,
  type Setting,
} from './sections.ts';

/** Where it stands, SDKs get credentials another way first and would not use what we write. */
export const OTHER_WAY = /^(role_arn|web_identity_token_file|sso_(session|start_url|account_id|role_name))$/;

/**
 * Told each line of a file, in order, it knows whether some reader would not use what we write, or would mix it with
 * what stands elsewhere. Readers differ most in what is indented: for Python it goes on with the value above, for the
 * loader of the JavaScript SDK it is a setting, or part of one above that has no value.
 */
export class Conflicts {
  readonly #profile: string;
  readonly #owns: Owns;
  #refusal: Error | undefined;
  #isOurs = false;
  /** What Python continues. */
  #parent: IniProperty | undefined;
  /** Whether JavaScript takes what is indented for a part of a foreign setting. */
  #isNesting = false;
  /** The header of another section that some readers do not see, so that they take what follows for ours. */
  #unseen: IniHeader | undefined;

  constructor(profile: string, owns: Owns) {
    this.#profile = profile;
    this.#owns = owns;
  }

  /** Throws the first that was found. */
  refuse(): void {
    if (this.#refusal) throw this.#refusal;
  }

  see(line: IniLine): void {
    if (line.kind === 'header') this.#header(line);
    else if (line.kind === 'property') this.#refusal ??= this.#property(line);
    else if (line.kind === 'continuation' && line.setting) this.#refusal ??= this.#nested(line, line.setting);
  }

  #header(line: IniHeader): void {
    const { name, comment } = line;
    const wasOurs = this.#isOurs || this.#unseen !== undefined;
    const isGlued = comment !== '' && line.line.text.length === name.length + comment.length + 2;
    this.#isOurs = name.trim() === this.#profile;
    this.#unseen = isGlued && wasOurs && !this.#isOurs ? line : undefined;
    this.#parent = undefined;
    this.#isNesting = false;
  }

  #property(line: IniProperty): Error | undefined {
    const isRewritten = this.#isOurs && this.#owns(line);
    const wasNesting = this.#isNesting;
    this.#parent = line;
    this.#nest(line, line.indent, isRewritten);
    if (this.#unseen && isCredentialKey(line.key)) return glued(this.#unseen);
    if (!this.#isOurs) return undefined;
    if (isRewritten && wasNesting && line.indent !== '') return nested(line);
    return OTHER_WAY.test(line.key) ? otherWay(line.line, line.key) : undefined;
  }

  #nested(line: IniLine, setting: Setting): Error | undefined {
    const parent = this.#parent;
    const isBelowOurs = this.#isOurs && parent !== undefined && this.#owns(parent);
    const wasNesting = this.#isNesting;
    this.#nest(setting, line.indent, isBelowOurs);
    if (this.#unseen && isCredentialKey(setting.key)) return glued(this.#unseen);
    // What continues a value of ours is rewritten with it, which JavaScript must take for the same.
    if (isBelowOurs) return wasNesting ? nested(line) : undefined;
    const isPart = parent?.value === '' && parent.delimiter === '=';
    return this.#isOurs && isCredentialKey(setting.key) && !isPart ? nested(line) : undefined;
  }

  /** JavaScript knows no colons, and goes by whether a line is indented at all. */
  #nest({ delimiter, value }: Setting, indent: string, isOurs: boolean): void {
    if (delimiter === '=' && value === '') this.#isNesting = !isOurs;
    else if (delimiter === '=' && indent === '') this.#isNesting = false;
  }
}

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

/** Many more than any file of people has: what repeats one beyond is not noticed. */
const MAX_SEEN = 5_000;

/** Told each line of a file, in order, it knows what readers of a profile will trip over; nothing of it mixes keys. */
export class Findings {
  readonly #profile: string;
  readonly #owns: Owns;
  readonly #first = new Map<string, number>();
  /** Headers and, by section, keys. */
  readonly #seen = new Set<string>();
  #section = '';
  #parent: IniProperty | undefined;
  #inheritsToken = false;

  constructor(profile: string, owns: Owns) {
    this.#profile = profile;
    this.#owns = owns;
  }

  /** Whether [DEFAULT] gives every profile a security token. */
  get inheritsToken(): boolean {
    return this.#inheritsToken;
  }

  get warnings(): string[] {
    return Array.from(this.#first, ([finding, number]) => `line ${number}: ${finding}`);
  }

  /** Takes a key for a new property of the section; false when the section has one, or may have. */
  readonly claim = (section: string, key: string): boolean =>
    this.#seen.size < MAX_SEEN && !this.#isRepeated(`${section}]${key}`);

  readonly see = (line: IniLine): void => {
    switch (line.kind) {
      case 'header':
        this.#header(line);
        break;
      case 'property':
        this.#property(line);
        break;
      case 'continuation':
        this.#continuation(line);
        break;
      case 'white':
        this.#note(line, `${whiteName(line.line.text)} on an empty line: Java readers reject the file`);
        break;
      case 'comment':
        break;
    }
  };

  #header(line: IniHeader): void {
    const { name, comment } = line;
    this.#section = name;
    this.#parent = undefined;
    if (this.#isRepeated(`[${name}`) && name !== 'DEFAULT') this.#note(line, REPEATED);
    if (comment !== '' && !this.#isOurs()) {
      this.#note(line, 'a comment after a section header: some readers miss the section, others reject the file');
    }
    // `[profile x]`, as the config file has it.
    const prefixed = /^profile\s+(.*)$/.exec(name.trim())?.[1];
    if (prefixed?.replace(/^(["'])(.*)\1$/, '$2') === this.#profile) {
      this.#note(line, 'a section that most readers do not take for the profile: left as it is');
    }
  }

  #property(line: IniProperty): void {
    const { key, indent } = line;
    this.#parent = line;
    const isRewritten = this.#isOurs() && this.#owns(line);
    if (this.#isRepeated(`${this.#section}]${key}`) && !isRewritten) this.#note(line, REPEATED);
    if (this.#section === 'DEFAULT') this.#default(line);
    if (!this.#isOurs()) return;
    if (indent !== '') this.#note(line, 'the section is indented: Java, Rust and CRT readers reject the file');
    if (key === 'credential_process') {
      this.#note(line, 'credential_process stands beside static credentials, which most SDKs prefer');
    }
  }

  #default(line: IniProperty): void {
    if (line.key === SECURITY_TOKEN) this.#inheritsToken = true;
    if (!OTHER_WAY.test(line.key)) return;
    this.#note(line, 'Python readers inherit this from [DEFAULT] and would not use static credentials');
  }

  #continuation(line: IniContinuation): void {
    if (this.#parent?.value !== '') return;
    if (!line.line.text.includes('=')) this.#note(line, REPEATED);
    // Below a key without a value, such as `s3 =`, all but a few readers know nested keys.
    if (this.#isOurs() && isCredentialKey(line.setting?.key) && !this.#owns(this.#parent)) {
      this.#note(line, 'part of another setting looks like a key of ours: PHP takes it for one');
    }
  }

  #isOurs(): boolean {
    return this.#section.trim() === this.#profile;
  }

  #note({ line }: IniLine, finding: string): void {
    if (!this.#first.has(finding)) this.#first.set(finding, line.number);
  }

  #isRepeated(id: string): boolean {
    const before = this.#seen.size;
    return before < MAX_SEEN && this.#seen.add(id).size === before;
  }
}

const REPEATED = 'Python readers reject the file: repeated above, or nested without "="';
