import { appendFileSync } from 'node:fs';
import type { TestContext } from 'node:test';

/** A row of the table that a run of the suite ends with. */
export interface Tally {
  readonly case: string;
  readonly tries: number;
  /** Tries in which the promise was kept. */
  readonly survived: number;
  readonly lost: number;
}

/** Shows a row, and keeps it for the table where the suite is to print one. */
export function report(t: TestContext, tally: Tally): void {
  t.diagnostic(`${tally.case}: ${String(tally.tries)} tries, ${String(tally.lost)} lost`);
  const table = process.env['CREDROTATE_TABLE'];
  if (table !== undefined) appendFileSync(table, `${JSON.stringify(tally)}\n`);
}
