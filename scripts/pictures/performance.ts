import type { Row } from '../../bench/rows.ts';
import { bar, picture, text, type Mark } from './draw.ts';

interface Measured {
  readonly label: string;
  /** Milliseconds. */
  readonly value: number;
  readonly isOurs: boolean;
}

const LEFT = 350;
const WIDTH = 420;
const STEP = 22;

/** Two figures: whole processes beside their alternatives, and the time of a sink over their number. */
export function performance(rows: readonly Row[]): string {
  const processes = wholeProcesses(rows);
  const below = processes.length * STEP + 56;
  const marks = [
    ...figure('Whole processes: median, ms', processes, 0),
    ...figure('Writing in one process: median for each sink, ms', writing(rows), below),
  ];
  return picture('What credrotate costs beside the alternatives', 'Bars of the medians in bench/results.json.', marks);
}

function wholeProcesses(rows: readonly Row[]): Measured[] {
  const bars = new Map<string, Measured>();
  for (const { group, name, ours, against } of rows) {
    if (group !== 'whole processes') continue;
    bars.set(name, { label: `credrotate ${name}`, value: ours.median, isOurs: true });
    if (against && against.value.failure === undefined)
      bars.set(against.name, { label: against.name, value: against.value.median, isOurs: false });
  }
  return [...bars.values()];
}

function writing(rows: readonly Row[]): Measured[] {
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

function figure(title: string, bars: readonly Measured[], top: number): Mark[] {
  const scale = WIDTH / Math.max(...bars.map(({ value }) => value));
  return [
    text(title, [0, top], { isBold: true }),
    ...bars.flatMap(({ label, value, isOurs }, index) => {
      const y = top + 14 + index * STEP;
      const width = Math.max(1, value * scale);
      return [
        text(label, [LEFT - 8, y + 13], { anchor: 'end' }),
        bar({ at: [LEFT, y + 2], width, height: STEP - 7 }, isOurs ? 'root' : 'outside'),
        text(value >= 10 ? value.toFixed(0) : value.toFixed(2), [LEFT + width + 6, y + 13]),
      ];
    }),
  ];
}
