import { arrow, box, picture, text, type Mark } from './draw.ts';

const FILES = ['`/etc/myapp/credentials`', '`/home/alice/.aws/credentials`', '`/var/lib/legacy/iam.json`'];
const READERS = ['myapp.service', 'alice’s programs', 'an old daemon'];

/** What credrotate is, in one picture: for the README. */
export function overview(): string {
  const marks: Mark[] = [
    ...box({ at: [0, 60], width: 176, height: 96 }, 'outside', [
      'Metadata service',
      'new keys of the role',
      'about every hour',
    ]),
    ...box({ at: [260, 60], width: 170, height: 96 }, 'root', ['credrotate', 'looks every', '5 minutes']),
    arrow(
      [
        [176, 108],
        [260, 108],
      ],
      'root',
    ),
    text('keys', [218, 100], { anchor: 'middle', tone: 'soft' }),
    text('replaces files atomically', [632, -4], { anchor: 'middle', tone: 'soft' }),
    text('their other content stays', [632, 14], { anchor: 'middle', tone: 'soft', size: 12 }),
    text('read', [854, 8], { anchor: 'middle', tone: 'soft' }),
    ...FILES.flatMap((file, index) => {
      const y = 26 + index * 62;
      return [
        arrow(
          [
            [430, 108],
            [470, 108],
            [470, y + 20],
            [512, y + 20],
          ],
          'root',
        ),
        ...box({ at: [512, y], width: 240, height: 40 }, 'outside', [file]),
        arrow(
          [
            [815, y + 20],
            [752, y + 20],
          ],
          'reader',
        ),
        ...box({ at: [815, y], width: 150, height: 40 }, 'reader', [READERS[index] ?? '']),
      ];
    }),
    // Programs that run and end read the file each time: nobody notifies alice’s.
    arrow(
      [
        [345, 156],
        [345, 236],
        [985, 236],
        [985, 170],
        [965, 170],
      ],
      'root',
      true,
    ),
    arrow(
      [
        [985, 236],
        [985, 46],
        [965, 46],
      ],
      'root',
      true,
    ),
    text('notifies: reload, restart, signal or a program of yours', [660, 228], { anchor: 'middle', tone: 'soft' }),
  ];
  return picture(
    'What credrotate does',
    'credrotate asks the metadata service for the keys of the role, replaces the files that applications read, and ' +
      'notifies the applications.',
    marks,
  );
}
