import { dirname, join, relative } from 'node:path';
import type { Installed } from './contents.ts';

/** `[text](target#anchor)`, a picture too. */
const LINK = /\[([^\]]+)\]\(([^)\s#]+)(#[^)\s]*)?\)/g;

/** The same files, with the links of their pages leading to each other. What is not among them is named without a link. */
export function withInstalledLinks(files: readonly Installed[]): Installed[] {
  const places = new Map(files.flatMap(({ path, source }) => (source === undefined ? [] : [[source, path] as const])));
  return files.map((file) => {
    const { path, source, content } = file;
    if (source === undefined || !path.endsWith('.md') || !(content instanceof Uint8Array)) return file;
    const page = Buffer.from(content).toString();
    const text = page.replace(LINK, (link, words: string, target: string, anchor = '') => {
      if (/^[a-z]+:/.test(target)) return link;
      const place = places.get(join(dirname(source), target));
      return place === undefined ? words : `[${words}](${relative(dirname(path), place)}${anchor})`;
    });
    return { ...file, content: text };
  });
}
