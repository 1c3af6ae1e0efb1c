/** How many times as many cases `.ci/run --all` tries. */
export const RUNS_VARIABLE = 'CREDROTATE_TEST_RUNS';

/** How many cases a property is tried with: so many for each change, and more before a release. */
export function runs(forEachChange: number): number {
  return forEachChange * (Number(process.env[RUNS_VARIABLE]) || 1);
}
