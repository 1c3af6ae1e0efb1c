import { appendFileSync } from 'node:fs';
import type { TestContext } from 'node:test';

/** A row of the table that a run of the system suite ends with. */
export interface Tally {
  readonly case: string;
  readonly tries: number;
  /** Tries in which the promise was kept. */
  readonly survived: number;
  readonly lost: number;
}

/** As it is kept for the table: files that run side by side add their rows in any order. */
export interface FiledTally extends Tally {
  /** Of the test. */
  readonly file: string;
}

/** Counts as a try that is lost when it throws; false says that it was none. */
export type Attempt = <T>(work: () => T | Promise<T>) => Promise<T | undefined>;

/** So many losses say enough. */
const MAX_LOSSES = 5;

/** Lets `makeTries` make all its tries, reports how many were lost, and fails with the first loss. */
export async function tally(
  t: TestContext,
  what: string,
  makeTries: (attempt: Attempt) => Promise<void>,
): Promise<void> {
  let tries = 0;
  const losses: unknown[] = [];
  const attempt: Attempt = async (work) => {
    tries++;
    try {
      const result = await work();
      if (result === false) tries--;
      return result;
    } catch (error) {
      losses.push(error);
      if (losses.length === MAX_LOSSES) throw error;
      return undefined;
    }
  };
  try {
    await makeTries(attempt);
  } finally {
    report(t, { case: what, tries, survived: tries - losses.length, lost: losses.length });
  }
  if (losses.length > 0) throw losses[0];
  if (tries === 0) throw new Error(`${what}: no tries`);
}

/** Shows a row, and keeps it for the table where the suite is to print one. */
export function report(t: TestContext, row: Tally): void {
  t.diagnostic(`${row.case}: ${String(row.tries)} tries, ${String(row.lost)} lost`);
  const table = process.env['CREDROTATE_TABLE'];
  const filed: FiledTally = { ...row, file: t.filePath ?? '' };
  if (table !== undefined) appendFileSync(table, `${JSON.stringify(filed)}\n`);
}
