import type { Stat } from './measure.ts';

/** One line of the table. */
export interface Row {
  readonly group: string;
  readonly name: string;
  readonly unit: string;
  readonly ours: Stat;
  /** What it is compared with, in the same run. */
  readonly against?: { readonly name: string; readonly value: Stat };
  readonly budget?: Budget;
}

export interface Budget {
  /** Of the medians. `value`: ours alone. */
  readonly of: 'ratio' | 'difference' | 'value';
  readonly limit: number;
  readonly aim?: number;
}

/** What the budget is about; undefined where there is nothing to compare with, or it failed. */
export function figure({ ours, against, budget }: Row): number | undefined {
  if (budget?.of === 'value') return ours.median;
  if (!against || against.value.failure !== undefined) return undefined;
  return budget?.of === 'difference' ? ours.median - against.value.median : ours.median / against.value.median;
}

export function verdict(row: Row): 'met' | 'aim met' | 'MISSED' | 'PEER FAILED' | '' {
  if (row.against?.value.failure !== undefined) return 'PEER FAILED';
  const found = figure(row);
  if (!row.budget || found === undefined) return '';
  if (found > row.budget.limit) return 'MISSED';
  return row.budget.aim !== undefined && found <= row.budget.aim ? 'aim met' : 'met';
}

const HEADINGS = ['', 'median', 'min', 'max', 'unit', 'against', 'its median', 'figure', 'budget', ''] as const;

export function printRows(rows: readonly Row[]): string {
  const groups = [...new Set(rows.map(({ group }) => group))];
  const lines = groups.flatMap((group) => [[group], ...rows.filter((row) => row.group === group).map(cells)]);
  const all = [[...HEADINGS], ...lines];
  const widths = HEADINGS.map((_, column) =>
    Math.max(...all.filter((line) => line.length > 1).map((line) => (line[column] ?? '').length)),
  );
  return all
    .map((line) =>
      line
        .map((cell, column) => pad(cell, column, widths))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function cells(row: Row): string[] {
  const { name, unit, ours, against, budget } = row;
  const found = figure(row);
  return [
    `  ${name}`,
    ...[ours.median, ours.min, ours.max].map(number),
    unit,
    against?.name ?? '',
    against && against.value.failure === undefined ? number(against.value.median) : '',
    found === undefined ? '' : number(found),
    budget ? `<= ${budget.limit}${budget.aim === undefined ? '' : ` (aim ${budget.aim})`}` : '',
    verdict(row),
  ];
}

const TEXT_COLUMNS = new Set([0, 4, 5, 8, 9]);

function pad(cell: string, column: number, widths: readonly number[]): string {
  const width = widths[column] ?? 0;
  return TEXT_COLUMNS.has(column) ? cell.padEnd(width) : cell.padStart(width);
}

function number(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
