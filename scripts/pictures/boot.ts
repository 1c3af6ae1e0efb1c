import { arrow, box, picture, text, type Mark, type Tone } from './draw.ts';

interface Stage {
  readonly tone: Tone;
  readonly lines: readonly string[];
}

/** Each starts when the one before it has ended, or counts as started. */
const FIRST: readonly Stage[] = [
  { tone: 'outside', lines: ['network-online', 'and what the image', 'starts by itself'] },
  { tone: 'outside', lines: ['User data', 'installs credrotate,', 'names the files'] },
  { tone: 'root', lines: ['Agent', '`enable --now`', 'files are written'] },
  { tone: 'root', lines: ['`credrotate once`', '`--wait 5m`', 'for a late role'] },
  { tone: 'reader', lines: ['Application', '`enable --now`', 'finds its files'] },
];

const LATER: readonly Stage[] = [
  { tone: 'outside', lines: ['network-online', 'remote file systems,', 'names of users'] },
  { tone: 'root', lines: ['credrotate.service', 'started: every file', 'is written'] },
  { tone: 'reader', lines: ['Application', '`Wants=` and `After=`', 'finds its files'] },
];

const WIDTH = 176;
const STEP = 208;

/** The order of a boot. */
export function boot(): string {
  const marks: Mark[] = [
    text('First boot: the application is disabled in the image, and user data starts it', [0, 0], { isBold: true }),
    ...chain(FIRST, 16),
    text('Each later boot, or an image that has the package: systemd orders the two', [0, 142], { isBold: true }),
    ...chain(LATER, 158),
    ...box({ at: [STEP * 3, 158], width: WIDTH + STEP, height: 80 }, 'wait', [
      'No role yet?',
      'After startup_wait (60 s) the boot goes on;',
      'the agent writes when the role arrives',
    ]),
  ];
  return picture(
    'Boot order of user data, agent and application',
    'In the first boot user data installs and starts the agent, waits for the files and starts the application. In ' +
      'later boots systemd starts the application after credrotate.service.',
    marks,
  );
}

function chain(stages: readonly Stage[], y: number): Mark[] {
  return stages.flatMap(({ tone, lines }, index) => {
    const left = index * STEP;
    const frame = box({ at: [left, y], width: WIDTH, height: 80 }, tone, lines);
    return index === 0
      ? frame
      : [
          arrow(
            [
              [left - STEP + WIDTH, y + 40],
              [left, y + 40],
            ],
            'outside',
          ),
          ...frame,
        ];
  });
}
