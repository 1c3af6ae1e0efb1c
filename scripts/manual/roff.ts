/** man(7), in the few requests that every reader of manual pages knows. */

/** Text that stands as it is: a hyphen can be copied as one, and nothing is taken for a request. */
export function escape(text: string): string {
  return Array.from(text, (letter) => ESCAPES[letter] ?? (letter <= '~' ? letter : unicode(letter)))
    .join('')
    .replace(/^(?=[.'])/gm, '\\&');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '"': '\\(dq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '…': '...',
};

function unicode(letter: string): string {
  return `\\[u${(letter.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`;
}

export function bold(text: string): string {
  return `\\fB${escape(text)}\\fR`;
}

/** `--config <file>`: names in bold, what stands for something else in italics without its brackets. */
export function term(flags: string): string {
  return flags
    .split(/(<[^>]*>)/)
    .map((part) => (part.startsWith('<') ? `\\fI${escape(part.slice(1, -1))}\\fR` : literal(part)))
    .join('');
}

/** Brackets, commas and blanks are not to be typed. */
function literal(text: string): string {
  return text.replace(/[^\s,[\]]+|[\s,[\]]+/g, (part) => (/[\s,[\]]/.test(part) ? escape(part) : bold(part)));
}

/** Prose with `words to be typed` between backquotes. */
export function prose(text: string): string {
  return text
    .split(/`([^`]*)`/)
    .map((part, index) => (index % 2 === 1 ? bold(part) : escape(part)))
    .join('');
}

export function section(title: string, ...content: readonly string[]): string[] {
  return [`.SH ${escape(title)}`, ...withoutFirstBreak(content)];
}

export function subsection(title: string, ...content: readonly string[]): string[] {
  return [`.SS ${escape(title)}`, ...withoutFirstBreak(content)];
}

/** A heading begins a paragraph of its own. */
function withoutFirstBreak(content: readonly string[]): readonly string[] {
  return content[0] === '.PP' ? content.slice(1) : content;
}

/** A term and, below it, what it means; more paragraphs stay indented. */
export function entry(head: string, ...paragraphs: readonly string[]): string[] {
  return ['.TP', head, ...paragraphs.flatMap((text, index) => (index === 0 ? [text] : ['.IP', text]))];
}

export function paragraphs(...texts: readonly string[]): string[] {
  return texts.flatMap((text) => ['.PP', prose(text)]);
}

/** Lines that are not to be filled. */
export function verbatim(text: string): string[] {
  return ['.PP', '.RS 4', '.nf', escape(text.trimEnd()), '.fi', '.RE'];
}

export function page(name: string, chapter: 5 | 8, version: string, body: readonly string[]): string {
  const chapters = { 5: 'File Formats', 8: 'System Administration' };
  const title = `.TH ${escape(name.toUpperCase())} ${String(chapter)} "" "credrotate ${escape(version)}" "${chapters[chapter]}"`;
  return `${[title, '.ad l', '.nh', ...body].join('\n')}\n`;
}
