import { dot, picture, rule, text, type Mark } from './draw.ts';

/** What each part of the screen says, from top to bottom: the first line that fits has the call-out. */
const CALL_OUTS: readonly (readonly [line: RegExp, words: string])[] = [
  [/^(?:OK|WARNING|CRITICAL|UNKNOWN) /, 'The level, and what it rests on. Also the exit code'],
  [/^source /, 'Does the metadata service give keys? For which role?'],
  [/^credentials /, 'Last four characters of the key id, never a secret'],
  [/^life /, 'How long they are still valid; EC2 replaces them early'],
  [/^next pass /, 'What makes the next pass: agent, timer or cron'],
  [/^config /, 'The file on disk is the configuration in force'],
  [/^sinks/, 'Each file: bytes, owner and mode as configured?'],
  [/read 2 s after/, 'A program has read the new file'],
  [/^consumers/, 'Each consumer: was it notified of the new keys?'],
  [/notified of rotation/, 'The rotation it was last notified of, when and how'],
];

const CHARACTER = 7.4;
const LINE = 20;

/** A screen of `credrotate status` with call-outs. */
export function statusScreen(screen: string): string {
  const lines = ['$ credrotate status', ...screen.trimEnd().split('\n')];
  const edge = Math.max(...lines.map(({ length }) => length)) * CHARACTER + 24;
  const found = CALL_OUTS.map(([line, words], index) => {
    const at = lines.findIndex((shown) => line.test(shown));
    if (at < 0) throw new Error(`expected a line ${String(line)} on the screen, found none`);
    return { at, words, number: String(index + 1) };
  });
  const marks: Mark[] = [
    ...lines.map((shown, index) => text(shown, [0, index * LINE], { isMono: true, size: 12, ...toneOf(shown) })),
    rule([edge - 12, -14], [edge - 12, lines.length * LINE - 8]),
    ...found.flatMap(({ at, words, number }) => [
      dot([edge + 10, at * LINE - 4], 'root', number, 10),
      text(words, [edge + 26, at * LINE], { size: 12 }),
    ]),
  ];
  return picture('A screen of credrotate status, with call-outs', 'What each part of the screen says.', marks);
}

function toneOf(line: string): { readonly tone?: 'reader' | 'soft' | 'wait' | 'bad' } {
  if (line.startsWith('$')) return { tone: 'soft' };
  if (/^(?:OK| {2}ok) /.test(line)) return { tone: 'reader' };
  return line.startsWith('WARNING') ? { tone: 'wait' } : {};
}
