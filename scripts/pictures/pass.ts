import { arrow, bar, box, picture, rule, text, type Mark, type Tone } from './draw.ts';

interface Actor {
  readonly x: number;
  readonly tone: Tone;
  readonly lines: readonly string[];
}

const ACTORS = {
  source: { x: 80, tone: 'outside', lines: ['Metadata', 'service'] },
  agent: { x: 300, tone: 'root', lines: ['Agent', 'root'] },
  helper: { x: 520, tone: 'user', lines: ['Helper', 'user alice'] },
  files: { x: 730, tone: 'outside', lines: ['Files', 'sinks and state'] },
  consumers: { x: 940, tone: 'reader', lines: ['Consumers', 'units, processes'] },
} as const satisfies Readonly<Record<string, Actor>>;

type Name = keyof typeof ACTORS;

interface Step {
  readonly from: Name;
  readonly to: Name;
  readonly words: string;
  /** Left out: that of the actor who does it. */
  readonly tone?: Tone;
}

/** In their order: from one actor to another, or to itself. */
const STEPS: readonly Step[] = [
  { from: 'agent', to: 'source', words: 'token, role, keys' },
  { from: 'source', to: 'agent', words: 'keys and expiration', tone: 'outside' },
  { from: 'agent', to: 'agent', words: '1  Are they valid, and no worse than those in the files?' },
  { from: 'agent', to: 'files', words: '2  empty temporary files, with owner and mode' },
  { from: 'agent', to: 'helper', words: 'the same, below /home/alice' },
  { from: 'helper', to: 'files', words: 'with her rights alone' },
  { from: 'agent', to: 'files', words: '3  on disk: who to notify' },
  { from: 'agent', to: 'files', words: '4  write, sync, rename' },
  { from: 'helper', to: 'files', words: 'write, sync, rename' },
  { from: 'consumers', to: 'files', words: 'see the old file or the new', tone: 'reader' },
  { from: 'agent', to: 'consumers', words: '5  reload, restart, signal, or a program as its own user' },
  { from: 'agent', to: 'files', words: '6  status and metrics, without secrets' },
];

const TOP = 64;
const ROW = 38;

/** The way of a pass, and who acts as whom. */
export function pass(): string {
  const end = TOP + 16 + STEPS.length * ROW;
  const actors = Object.values<Actor>(ACTORS).flatMap(({ x, tone, lines }) => [
    rule([x, TOP - 20], [x, end], true),
    ...box({ at: [x - 75, 0], width: 150, height: 46 }, tone, lines),
  ]);
  const lives = [
    bar({ at: [ACTORS.agent.x - 3, TOP], width: 6, height: end - TOP }, 'root'),
    bar({ at: [ACTORS.helper.x - 3, TOP + 4.4 * ROW], width: 6, height: 5 * ROW }, 'user'),
  ];
  const marks: Mark[] = [...actors, ...lives, ...STEPS.flatMap(stepMarks)];
  return picture(
    'The way of a pass, and who acts as whom',
    'The agent, as root, asks the metadata service and writes files on paths that are root’s alone. A helper process ' +
      'with the rights of a user writes what lies below a directory of that user.',
    marks,
  );
}

function stepMarks({ from, to, words, tone }: Step, index: number): Mark[] {
  const y = TOP + 26 + index * ROW;
  const [start, end] = [ACTORS[from].x, ACTORS[to].x];
  const colour = tone ?? ACTORS[from].tone;
  if (start === end)
    return [
      arrow(
        [
          [start, y - 8],
          [start + 24, y - 8],
          [start + 24, y + 6],
          [start + 3, y + 6],
        ],
        colour,
      ),
      text(words, [start + 34, y + 3], { hasHalo: true }),
    ];
  const side = Math.sign(end - start) * 4;
  const left = Math.min(start, end) + 12;
  return [
    text(words, [left, y - 6], { hasHalo: true }),
    arrow(
      [
        [start + side, y],
        [end - side, y],
      ],
      colour,
    ),
  ];
}
