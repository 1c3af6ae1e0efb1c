/** Files mutated from real shapes by a few passes; the same ones each time. */

export type Random = () => number;

/** Mulberry32: uniform in [0, 1), the same numbers for the same seed. */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('expected something to pick from, got nothing');
  return item;
}

/** What one pass does to the lines (which keep their ends) of a file, at one of them. */
type Pass = (lines: readonly string[], at: number, random: Random) => readonly string[];

const replace =
  (change: (line: string) => string): Pass =>
  (lines, at) =>
    lines.map((line, index) => (index === at ? change(line) : line));

/** What happens to files of lines, whatever their format. */
const COMMON: readonly Pass[] = [
  (lines, at) => lines.toSpliced(at, 1),
  (lines, at, random) => lines.toSpliced(Math.floor(random() * lines.length), 0, lines[at] ?? ''),
  (lines, at, random) => lines.toSpliced(at, 0, pick(random, ['\n', '  \n', '\t\n', '\u00a0\n', '\f\n', '\r\n'])),
  replace((line) => `  ${line}`),
  replace((line) => `\t${line}`),
  replace((line) => line.trimStart()),
  replace((line) => line.replace(/\r?\n$/, '\r\n')),
  replace((line) => line.replace(/\r?\n$/, '')),
  replace((line) => line.replace(/\r?\n$/, '  \n')),
  replace((line) => line.replace(/(?=\r?\n$)/, ' # c')),
  replace((line) => line.replace(/(?=\r?\n$)/, '; c')),
  replace((line) => line.replace(/\s*=\s*/, '=')),
  replace((line) => line.replace(/\s*=\s*/, ' = ')),
  replace((line) => line.replace(/\s*=\s*/, ': ')),
  replace((line) => line.replace(/=.*/, '=')),
];

/** `pool`: lines that may come in between. */
export function mutate(text: string, pool: readonly string[], random: Random): string {
  const passes: readonly Pass[] = [
    ...COMMON,
    ...Array.from(
      { length: 8 },
      (): Pass => (lines, at) => lines.toSpliced(at + Math.floor(random() * 2), 0, `${pick(random, pool)}\n`),
    ),
  ];
  let lines: readonly string[] = text.split(/(?<=\n)/);
  for (let left = 1 + Math.floor(random() * 4); left > 0; left--) {
    lines = pick(random, passes)(lines, Math.floor(random() * lines.length), random);
  }
  return lines.join('');
}
