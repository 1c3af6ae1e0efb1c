import { iniLines } from './ini-lines.ts';
import type { IniComment, IniContinuation, IniHeader, IniProperty } from './ini-lines.ts';
import { refusal } from './refusal.ts';

/** One copy of a section; a file may hold several of one name. */
export interface Section {
  readonly header: IniHeader;
  readonly lines: readonly SectionLine[];
}

export type SectionLine = IniProperty | IniContinuation | IniComment;

export interface Sections {
  /** Of the profile; blanks around its name do not count. */
  readonly copies: readonly Section[];
  /** Of [DEFAULT], which Python's readers lay under every section. */
  readonly defaults: readonly Section[];
}

/** Where it stands, SDKs get credentials another way first and would not use what we write. */
export const otherWay = /^(role_arn|web_identity_token_file|sso_.*)$/;

/** Throws a refusal when some reader would reject the file or not use static credentials. */
export function findSections(text: string, profile: string): Sections {
  const sections = readSections(text, profile);
  refuseOtherWays(sections.copies);
  return sections;
}

/** Throws a refusal when some reader would reject the file. */
export function readSections(text: string, profile: string): Sections {
  const copies: Section[] = [];
  const defaults: Section[] = [];
  let lines: SectionLine[] | undefined;
  for (const line of iniLines(text)) {
    if (line.kind !== 'header') {
      lines?.push(line);
    } else {
      lines = [];
      if (line.name.trim() === profile) copies.push({ header: line, lines });
      else if (line.name === 'DEFAULT') defaults.push({ header: line, lines });
      else lines = undefined;
    }
  }
  return { copies, defaults };
}

export function properties(sections: readonly Section[]): IniProperty[] {
  return sections.flatMap(({ lines }) => lines.filter((line) => line.kind === 'property'));
}

function refuseOtherWays(copies: readonly Section[]): void {
  const found = properties(copies).find(({ key }) => otherWay.test(key));
  if (found === undefined) return;
  throw refusal(
    `line ${found.line.number}: expected a profile for static credentials, got ${found.key}`,
    `SDKs would not use credentials beside ${found.key}: configure another profile, or remove that line`,
  );
}
