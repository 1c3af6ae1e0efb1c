import { otherWay, properties } from './aws-sections.ts';
import type { Section, Sections } from './aws-sections.ts';
import type { IniContinuation, IniHeader, IniLine, IniProperty } from './ini-lines.ts';
import { iniLines } from './ini-lines.ts';

const lookalike = /^aws_(access_key_id|secret_access_key|session_token|security_token)$/;

/** What readers of the profile trip over in the file as it will stand. */
export function sectionWarnings({ copies, defaults }: Sections): string[] {
  const own = properties(copies);
  const findings: readonly (readonly [IniLine | undefined, string])[] = [
    [own.find(({ indent }) => indent !== ''), 'the section is indented: Java, Rust and CRT readers reject the file'],
    [
      own.find(({ key }) => key === 'credential_process'),
      'credential_process stands beside static credentials, which most SDKs prefer',
    ],
    [
      copies.flatMap(nestedLookalikes)[0],
      'part of another value looks like a key of ours: JavaScript and PHP readers may take it for one',
    ],
    [
      properties(defaults).find(({ key }) => otherWay.test(key)),
      'Python readers inherit this from [DEFAULT] and would not use static credentials',
    ],
  ];
  return findings.flatMap(([found, text]) => (found === undefined ? [] : [`line ${found.line.number}: ${text}`]));
}

/** Below a key without a value, such as `s3 =`, those readers know nested keys. */
function nestedLookalikes({ lines }: Section): IniContinuation[] {
  const found: IniContinuation[] = [];
  let parent: IniProperty | undefined;
  for (const line of lines) {
    if (line.kind === 'property') parent = line;
    if (line.kind !== 'continuation' || !parent?.hasValue) continue;
    if (lookalike.test(line.key)) found.push(line);
  }
  return found;
}

/** What makes readers reject the file as it will stand, or prefer another section. */
export function fileWarnings(text: string, profile: string): string[] {
  const first = new Map<string, number>();
  const isRejected = pythonRejections();
  for (const line of iniLines(text)) {
    const findings = line.kind === 'header' ? headerFindings(line, profile) : [];
    if (isRejected(line)) findings.push('Python readers reject the file: repeated above, or nested without "="');
    for (const finding of findings) if (!first.has(finding)) first.set(finding, line.line.number);
  }
  return Array.from(first, ([finding, number]) => `line ${number}: ${finding}`);
}

/** To be asked about each line, in order: whether Python readers reject the file for it. */
function pythonRejections(): (line: IniLine) => boolean {
  const seen = new Set<string>();
  const isRepeated = (id: string): boolean => {
    const before = seen.size;
    return seen.add(id).size === before;
  };
  let section = '';
  let property: IniProperty | undefined;
  return (line) => {
    switch (line.kind) {
      case 'header':
        section = line.name;
        return isRepeated(`[${section}`) && section !== 'DEFAULT';
      case 'property':
        property = line;
        return isRepeated(`${section}]${line.key}`);
      case 'continuation':
        return property?.hasValue === false && !line.line.text.includes('=');
      default:
        return false;
    }
  };
}

function headerFindings({ name, comment }: IniHeader, profile: string): string[] {
  const findings: string[] = [];
  if (comment !== '' && name.trim() !== profile) {
    findings.push('a comment after a section header: some readers miss the section, others reject the file');
  }
  // `[profile x]`, as the config file has it.
  const prefixed = /^profile\s+(.*)$/.exec(name.trim())?.[1];
  if (prefixed?.replace(/^(["'])(.*)\1$/, '$2') === profile) {
    findings.push('a section that most readers do not take for the profile: left as it is');
  }
  return findings;
}
