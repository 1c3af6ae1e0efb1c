import type { Row } from '../../bench/rows.ts';
import { bar, curve, dot, picture, rule, text, type Mark, type Point, type Tone } from './draw.ts';

interface Measured {
  readonly label: string;
  /** Milliseconds. */
  readonly value: number;
  readonly isOurs: boolean;
}

const LEFT = 350;
const WIDTH = 420;
const STEP = 22;

/** A decade of both axes, in pixels, and how high the figure of growth is. */
const DECADE = { x: WIDTH / 4, y: 52 };

/** Two figures: whole processes beside their alternatives, and the time of a rotation over the number of sinks. */
export function performance(rows: readonly Row[]): string {
  const processes = wholeProcesses(rows);
  const below = processes.length * STEP + 56;
  const marks = [...figure('Whole processes: median, ms', processes, 0), ...growth(rows, below)];
  return picture(
    'What credrotate costs beside the alternatives',
    'The medians in bench/results.json: bars of whole processes, and curves of the time that many sinks take.',
    marks,
  );
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

/** On logarithmic axes, where what grows in proportion is a line at one slope. */
function growth(rows: readonly Row[], top: number): Mark[] {
  const written = rows.filter(({ group, name }) => group.startsWith('writing') && /^\d+ sinks?$/.test(name));
  const values = written.flatMap(({ ours, against }) => [ours.median, against?.value.median ?? NaN]);
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const bottom = top + 30 + (high - low) * DECADE.y;
  const at = (count: number, milliseconds: number): Point => [
    LEFT + Math.log10(count) * DECADE.x,
    bottom - (Math.log10(milliseconds) - low) * DECADE.y,
  ];
  const counts = written.map(({ name }) => Number.parseInt(name, 10));
  const most = Math.max(...counts);
  const line = (label: string, tone: Tone, medians: readonly number[], below: number): Mark[] => {
    const points = counts.map((count, index) => at(count, medians[index] ?? NaN));
    const [x, y] = points.at(-1) ?? [LEFT, top];
    const words = text(label, [x + 12, y + below], { tone });
    return [curve(points, tone), ...points.map((point) => dot(point, tone, '', 4)), words];
  };
  return [
    text('Sinks written in one process: median, ms, over their number', [0, top], { isBold: true }),
    ...Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)).flatMap((milliseconds) => [
      rule(at(1, milliseconds), at(most, milliseconds), true),
      text(String(milliseconds), [LEFT - 12, at(1, milliseconds)[1] + 4], { anchor: 'end' }),
    ]),
    ...counts.map((count) => text(String(count), [at(count, 1)[0], bottom + 22], { anchor: 'middle' })),
    ...line(
      'bare loop',
      'outside',
      written.map(({ against }) => against?.value.median ?? NaN),
      14,
    ),
    ...line(
      'credrotate',
      'root',
      written.map(({ ours }) => ours.median),
      -4,
    ),
  ];
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
