import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The pages of docs/, as their readers and the tests beside this file take them apart. */

export const ROOT = join(import.meta.dirname, '../..');

export interface Block {
  /** Page and line of its text, for messages. */
  readonly place: string;
  /** What stands behind the fence: `sh` is parsed, `console` is run, `yaml` is a configuration. */
  readonly kind: string;
  /** Without the indentation that it has as part of a list. */
  readonly text: string;
  /** The heading of the second level that it stands under. */
  readonly section: string;
  /** What a comment right before it says that happens meanwhile: `<!-- meanwhile: new keys -->`. */
  readonly meanwhile: string | undefined;
}

export interface Page {
  readonly name: string;
  readonly text: string;
  /** The text without blocks. */
  readonly prose: string;
  readonly blocks: readonly Block[];
  /** What can follow a `#` in a link to it. */
  readonly anchors: readonly string[];
}

export const PAGES: readonly Page[] = globSync('docs/*.md', { cwd: ROOT })
  .sort()
  .map((path) => readPage(basename(path), readFileSync(join(ROOT, path), 'utf8')));

export const README: Page = readPage('../README.md', readFileSync(join(ROOT, 'README.md'), 'utf8'));

export function pageOf(name: string): Page {
  const page = PAGES.find((one) => one.name === name);
  if (page === undefined) throw new Error(`expected a page docs/${name}, found none`);
  return page;
}

export function blocksOf(pages: readonly Page[], kind: string): readonly Block[] {
  return pages.flatMap(({ blocks }) => blocks.filter((block) => block.kind === kind));
}

interface Open {
  readonly line: number;
  readonly indent: number;
  readonly kind: string;
}

export function readPage(name: string, text: string): Page {
  const lines = text.split('\n');
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: Open | undefined;
  for (const [index, line] of lines.entries()) {
    const [, indent = '', kind = ''] = /^( *)```(\w*)$/.exec(line) ?? [undefined];
    const isFence = /^ *```\w*$/.test(line);
    if (!isFence && open === undefined) prose.push(line);
    if (isFence && open !== undefined) blocks.push(closed({ name, lines, prose }, open, index));
    if (isFence) open = open === undefined ? { line: index + 1, indent: indent.length, kind } : undefined;
  }
  if (open !== undefined) throw new Error(`docs/${name}:${open.line}: expected the block to be closed`);
  const headings = prose.flatMap((line) => /^#+ (.*)$/.exec(line)?.[1] ?? []);
  return { name, text, prose: prose.join('\n'), blocks, anchors: headings.map(anchorOf) };
}

interface Reading {
  readonly name: string;
  readonly lines: readonly string[];
  readonly prose: readonly string[];
}

function closed({ name, lines, prose }: Reading, { line, indent, kind }: Open, end: number): Block {
  const heading = prose.findLast((one) => one.startsWith('## '));
  const before = prose.findLast((one) => one.trim() !== '') ?? '';
  return {
    place: `docs/${name}:${line + 1}`,
    kind,
    text: lines
      .slice(line, end)
      .map((one) => one.slice(indent))
      .join('\n'),
    section: heading?.slice(3) ?? '',
    meanwhile: /^ *<!-- meanwhile: (.*) -->$/.exec(before)?.[1],
  };
}

/** As GitHub makes it of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-');
}
