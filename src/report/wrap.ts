/** Stands for a blank at which no line ends; printable texts have none. */
const TIE = '\0';

/** Lines of at most `width` characters; a longer word has one of its own. A number stays with its unit. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  const tied = text.replace(/\b(pid|\d+) (?=(?:\d+|min|[dhs])\b)/g, `$1${TIE}`);
  for (const word of tied.split(/\s+/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => line.replaceAll(TIE, ' '));
}
