import { bar, box, dot, picture, rule, text, type Mark, type Point, type Tone } from './draw.ts';

const LEFT = 190;
const HOUR = 118;
const HOURS = [0, 1, 2, 3, 4, 5, 6];
const AWAY = { from: 2.75, to: 3.2 };

/** When the keys of each rotation come into the files; the fourth are late, since the service is away. */
const ARRIVALS = [0, 1, 2, AWAY.to + 0.03, 4, 5] as const;

function x(hours: number): number {
  return LEFT + hours * HOUR;
}

/** Six hours: who has which keys, and when. */
export function timeline(): string {
  const marks: Mark[] = [
    ...HOURS.flatMap((hour) => [
      rule([x(hour), 18], [x(hour), 378], true),
      text(`${hour} h`, [x(hour), 10], { anchor: 'middle', tone: 'soft' }),
    ]),
    ...keyRow(30),
    ...passRow(86),
    ...row(142, 'The file', ['holds the newest keys']),
    ...ARRIVALS.map((from, index) => segment([x(from), 142], (ARRIVALS[index + 1] ?? 6) - from, index + 1)),
    ...row(198, 'when: changed', ['reload with each rotation']),
    ...ARRIVALS.map((from, index) => segment([x(from), 198], (ARRIVALS[index + 1] ?? 6) - from, index + 1, 'reader')),
    ...ARRIVALS.slice(1).map((from) => dot([x(from), 198], 'root')),
    ...row(254, 'when: expiring', ['restart with a third left']),
    segment([x(0), 254], 4, 1, 'reader'),
    segment([x(4), 254], 2, 5, 'reader'),
    dot([x(4), 254], 'root'),
    ...row(310, 'Not notified', ['reads at its start alone']),
    segment([x(0), 310], 6, 1, 'reader'),
    dot([x(6), 326], 'bad', '!', 10),
    text('AWS refuses', [x(6) + 16, 330], { tone: 'bad', isBold: true }),
    ...legend(372),
  ];
  return picture(
    'Six hours of keys, files and consumers',
    'The keys of the role are valid for six hours and are replaced about every hour. A consumer that is reloaded follows each ' +
      'rotation; one that is restarted keeps its keys until a third of their life is left; a program that is not ' +
      'notified is refused after six hours.',
    marks,
  );
}

function row(y: number, title: string, lines: readonly string[]): Mark[] {
  return [
    text(title, [0, y + 13], { isBold: true }),
    ...lines.map((line, index) => text(line, [0, y + 30 + index * 16], { tone: 'soft', size: 12 })),
  ];
}

/** How long the keys of each rotation live, as far as the picture goes. */
function keyRow(y: number): Mark[] {
  return [
    ...row(y, 'The role’s keys', ['valid 6 h, new each hour']),
    ...HOURS.slice(0, 6).flatMap((hour) => [
      bar({ at: [x(hour), y + hour * 6], width: (6 - hour) * HOUR, height: 4 }, 'outside'),
    ]),
    text('keys 1 expire', [x(6) + 8, y + 8], { tone: 'bad', size: 12 }),
    text('keys 2 to 6 are valid', [x(6) + 8, y + 28], { tone: 'soft', size: 12 }),
  ];
}

function passRow(y: number): Mark[] {
  const ticks = Array.from({ length: 73 }, (_, index) => index / 12).filter((at) => at < AWAY.from || at >= AWAY.to);
  const tries = [0, 0.03, 0.07, 0.13, 0.2, 0.28, 0.36].map((after) => AWAY.from + after);
  return [
    ...row(y, 'Passes', ['every 5 min']),
    ...ticks.map((at) => bar({ at: [x(at) - 1, y + 4], width: 2, height: 16 }, 'root')),
    ...tries.map((at) => bar({ at: [x(at) - 1, y + 4], width: 2, height: 16 }, 'bad')),
    text('no answer: tried again, files stay', [x(AWAY.from) - 8, y + 36], { tone: 'bad', size: 12 }),
  ];
}

function segment([from, y]: Point, hours: number, keys: number, tone: Tone = 'outside'): Mark {
  const area = { at: [from + 1, y + 4] as const, width: hours * HOUR - 2, height: 24 };
  const marks = box(area, tone, [hours < 0.6 ? String(keys) : `keys ${keys}`]);
  return {
    ...area,
    svg: marks.map(({ svg }) => svg).join(''),
    left: from,
    top: y,
    right: from + hours * HOUR,
    bottom: y + 28,
  };
}

function legend(y: number): Mark[] {
  return [
    bar({ at: [LEFT - 1, y + 6], width: 2, height: 16 }, 'root'),
    text('a pass', [LEFT + 8, y + 19], { size: 12 }),
    bar({ at: [LEFT + 79, y + 6], width: 2, height: 16 }, 'bad'),
    text('one that failed', [LEFT + 88, y + 19], { size: 12 }),
    dot([LEFT + 226, y + 14], 'root'),
    text('notified', [LEFT + 238, y + 19], { size: 12 }),
  ];
}
