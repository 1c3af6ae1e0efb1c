import type { Row } from './rows.ts';

const WIDTH = 720;
const BAR = 22;
const LEFT = 230;
const RIGHT = 70;

/** Two figures as one SVG: start-up beside its alternatives, and growth over the number of sinks. */
export function plot(rows: readonly Row[]): string {
  const startUp = startUpBars(rows);
  const growth = growthBars(rows);
  const height = 40 + BAR * (startUp.length + growth.length) + 90;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    ...figureLines('Whole processes: median, ms', startUp, 24),
    ...figureLines('Writing in one process: median per sink, ms', growth, 24 + BAR * startUp.length + 60),
    '</svg>',
    '',
  ].join('\n');
}

interface Bar {
  readonly label: string;
  readonly value: number;
  readonly isOurs: boolean;
}

function startUpBars(rows: readonly Row[]): Bar[] {
  const bars = new Map<string, Bar>();
  for (const { group, name, ours, against } of rows) {
    if (group !== 'whole processes') continue;
    bars.set(name, { label: `credrotate ${name}`, value: ours.median, isOurs: true });
    if (against && against.value.failure === undefined)
      bars.set(against.name, { label: against.name, value: against.value.median, isOurs: false });
  }
  return [...bars.values()];
}

function growthBars(rows: readonly Row[]): Bar[] {
  return rows
    .filter(({ group, unit }) => group.startsWith('writing') && unit === 'ms')
    .flatMap(({ name, ours, against }) => {
      const count = Number.parseInt(name, 10);
      return [
        { label: `credrotate, ${name}`, value: ours.median / count, isOurs: true },
        { label: `bare loop, ${name}`, value: (against?.value.median ?? 0) / count, isOurs: false },
      ];
    });
}

function figureLines(title: string, bars: readonly Bar[], top: number): string[] {
  const scale = (WIDTH - LEFT - RIGHT) / Math.max(...bars.map(({ value }) => value));
  return [
    `<text x="12" y="${top}" font-weight="bold">${title}</text>`,
    ...bars.flatMap(({ label, value, isOurs }, index) => {
      const y = top + 12 + index * BAR;
      const width = Math.max(1, value * scale);
      return [
        `<text x="${LEFT - 8}" y="${y + 13}" text-anchor="end">${label}</text>`,
        `<rect x="${LEFT}" y="${y + 2}" width="${width.toFixed(1)}" height="${BAR - 7}" fill="${isOurs ? '#2a6f97' : '#b8b8b8'}"/>`,
        `<text x="${(LEFT + width + 6).toFixed(1)}" y="${y + 13}">${value >= 10 ? value.toFixed(0) : value.toFixed(2)}</text>`,
      ];
    }),
  ];
}
