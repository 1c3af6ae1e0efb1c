import { isCredentialKey, type Owns } from './aws-keys.ts';
import type { IniHeader, IniLine, IniProperty, Setting } from './ini-lines.ts';
import { refusal } from './refusal.ts';
import type { Line } from './text.ts';

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
