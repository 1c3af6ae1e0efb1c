import { SECURITY_TOKEN } from '../../core/owned.ts';
import { OTHER_WAY } from './aws-conflicts.ts';
import { isCredentialKey, type Owns } from './aws-keys.ts';
import type { IniContinuation, IniHeader, IniLine, IniProperty } from './ini-lines.ts';
import { whiteName } from './ini-lines.ts';

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
