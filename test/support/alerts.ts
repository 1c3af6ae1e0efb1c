import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const RULES = join(import.meta.dirname, '../../packaging/monitoring/credrotate-alerts.yaml');

export const needsPromtool = spawnSync('promtool', ['--version']).error
  ? 'needs promtool, of the package prometheus'
  : false;

/**
 * Fails unless these alerts, and no others, fire where the numbers of a metrics file, which promtool takes, stay as they
 * are from now on for so many minutes. `alerts`: `{alertname="A", consumer="b"}`, with the labels that `by` names.
 */
export function assertFiring(
  directory: string,
  metrics: string,
  { minutes, by, alerts }: { readonly minutes: number; readonly by: string; readonly alerts: readonly string[] },
): void {
  promtool(['check', 'metrics'], metrics);
  const now = Math.floor(Date.now() / 1000);
  const series = metrics.split('\n').flatMap((line) => {
    const [, name, value] = /^(credrotate_.+) (\S+)$/.exec(line) ?? [];
    if (name === undefined) return [];
    // A rehearsal begins in 1970.
    const shown = name.includes('_timestamp_seconds') ? Number(value) - now : Number(value);
    return { series: name, values: `${shown}x${minutes + 1}` };
  });
  const rehearsal = {
    rule_files: [RULES],
    evaluation_interval: '1m',
    tests: [
      {
        interval: '1m',
        input_series: series,
        promql_expr_test: [
          {
            expr: `count by (${by}) (ALERTS{alertstate="firing"})`,
            eval_time: `${minutes}m`,
            exp_samples: alerts.map((labels) => ({ labels, value: 1 })),
          },
        ],
      },
    ],
  };
  const path = join(directory, 'rehearsal.yaml');
  writeFileSync(path, JSON.stringify(rehearsal));
  promtool(['test', 'rules', path]);
}

function promtool(args: readonly string[], input?: string): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
}
