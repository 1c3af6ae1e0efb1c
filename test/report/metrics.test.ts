import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { renderMetrics } from '../../src/report/metrics.ts';
import { needsPromtool } from '../support/alerts.ts';
import { NOON } from '../support/credentials.ts';
import { reportStatus } from '../../src/report/report.ts';
import type { Status } from '../../src/report/schema.ts';
import { consumerOf, factsOf, sinkOf, statusOf } from './status-parts.ts';
import { STATUSES } from './statuses.ts';

const MONITORING = join(import.meta.dirname, '../../packaging/monitoring');

/** `name{labels}` -> value. */
function samples(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

function metricsOf(status: Status): string {
  return renderMetrics(reportStatus('run', factsOf(status), NOON).report);
}

function promtool(args: readonly string[], input?: string): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  return { code: status, output: stdout + stderr };
}

describe('metrics', () => {
  test('say what the status says', () => {
    const metrics = samples(metricsOf(STATUSES['consumers'] ?? statusOf()));
    assert.deepEqual(
      Object.fromEntries(
        Object.entries(metrics).filter(([name]) => !/source_state|imds|writes|notif|status/.test(name)),
      ),
      {
        'credrotate_build_info{version="0.1.0"}': 1,
        credrotate_credentials_expiry_timestamp_seconds: NOON / 1000 + 312 * 60,
        credrotate_last_success_timestamp_seconds: NOON / 1000 - 120,
        credrotate_last_pass_timestamp_seconds: NOON / 1000 - 120,
        credrotate_next_pass_timestamp_seconds: NOON / 1000 + 160,
        credrotate_config_in_force: 1,
        credrotate_pass_duration_seconds: 0.021,
        credrotate_rotations_total: 7,
        'credrotate_sink_up_to_date{path="/etc/myapp/aws.env",format="dotenv"}': 1,
        'credrotate_sink_up_to_date{path="/srv/noatime/aws.env",format="dotenv"}': 1,
        'credrotate_sink_up_to_date{path="/srv/app/aws.env",format="dotenv"}': 1,
        'credrotate_sink_read_timestamp_seconds{path="/etc/myapp/aws.env"}': 0,
        'credrotate_consumer_pending{consumer="legacy"}': 1,
        'credrotate_consumer_pending{consumer="web"}': 0,
        'credrotate_consumer_pending{consumer="worker"}': 0,
        'credrotate_consumer_pending{consumer="batch"}': 0,
        'credrotate_consumer_pending{consumer="unused"}': 0,
        'credrotate_consumer_ended{consumer="legacy"}': 0,
        'credrotate_consumer_ended{consumer="web"}': 0,
        'credrotate_consumer_ended{consumer="worker"}': 0,
        'credrotate_consumer_ended{consumer="batch"}': 0,
        'credrotate_consumer_ended{consumer="unused"}': 0,
        'credrotate_consumer_not_reading{consumer="legacy"}': 0,
        'credrotate_consumer_not_reading{consumer="web"}': 1,
        'credrotate_consumer_not_reading{consumer="worker"}': 0,
        'credrotate_consumer_not_reading{consumer="batch"}': 0,
      },
    );
    const read = samples(metricsOf(statusOf()));
    assert.equal(read['credrotate_sink_read_timestamp_seconds{path="/etc/myapp/aws.env"}'], NOON / 1000 - 48 * 60 + 2);
    assert.equal(read['credrotate_imds_requests_total{code="200"}'], 1043);
    assert.equal(read['credrotate_consumer_notifications_total{consumer="myapp",result="pending"}'], 1);
  });

  test('of several sources have the name of each', () => {
    const metrics = samples(metricsOf(STATUSES['two-sources'] ?? assert.fail()));
    const ofSources = Object.entries(metrics).filter(
      ([name, value]) => /expiry|rotations/.test(name) || (name.includes('source_state') && value === 1),
    );
    assert.deepEqual(Object.fromEntries(ofSources), {
      'credrotate_credentials_expiry_timestamp_seconds{source="instance"}': NOON / 1000 + 312 * 60,
      'credrotate_credentials_expiry_timestamp_seconds{source="backup"}': NOON / 1000 + 20 * 60,
      'credrotate_source_state{source="instance",state="ok"}': 1,
      'credrotate_source_state{source="backup",state="stale"}': 1,
      'credrotate_rotations_total{source="instance"}': 7,
      'credrotate_rotations_total{source="backup"}': 31,
    });
    assert.doesNotMatch(metricsOf(statusOf()), /source="/);
  });

  test('of the states have one that is 1', () => {
    for (const status of Object.values(STATUSES).filter(({ sources }) => !sources)) {
      const states = Object.entries(samples(metricsOf(status))).filter(([name]) => name.includes('source_state'));
      assert.equal(states.length, 8);
      const on = states.filter(([, value]) => value === 1).map(([name]) => name);
      assert.deepEqual(on, [`credrotate_source_state{state="${status.source.state}"}`]);
    }
  });

  test('hold no part of a key', () => {
    for (const status of Object.values(STATUSES)) assert.doesNotMatch(metricsOf(status), /WXYZ/);
  });

  test('have labels that nobody breaks out of', () => {
    const path = '/srv/a"b\\c\nd';
    const text = metricsOf(statusOf({ sinks: [sinkOf(path)], consumers: [consumerOf('a"} 1\nevil 1')] }));
    assert.match(text, /^credrotate_sink_up_to_date\{path="\/srv\/a\\"b\\\\c\\nd",format="dotenv"\} 1$/m);
    assert.doesNotMatch(text, /^(d|evil)/m);
  });

  test('are what promtool takes', { skip: needsPromtool }, () => {
    for (const [name, status] of Object.entries(STATUSES)) {
      assert.deepEqual([name, promtool(['check', 'metrics'], metricsOf(status))], [name, { code: 0, output: '' }]);
    }
  });
});

describe('what is shipped for monitoring', () => {
  const known = new Set(
    Object.values(STATUSES).flatMap((status) =>
      Object.keys(samples(metricsOf(status))).map((name) => name.replace(/\{.*/, '')),
    ),
  );

  for (const name of readdirSync(MONITORING)) {
    test(`${name} names no metric that there is not`, () => {
      const text = readFileSync(join(MONITORING, name), 'utf8');
      const used = text.match(/\bcredrotate_[a-z_]+(?=\b)/g) ?? [];
      assert.ok(used.length > 10, `only ${used.length} metrics`);
      assert.deepEqual(
        used.filter((metric) => !known.has(metric)),
        [],
      );
    });
  }

  test('the dashboard is JSON whose panels do not overlap', () => {
    const { panels } = JSON.parse(readFileSync(join(MONITORING, 'grafana-dashboard.json'), 'utf8')) as Dashboard;
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  });

  test('each alert fires when it should, and only then', { skip: needsPromtool }, () => {
    const rules = join(MONITORING, 'credrotate-alerts.yaml');
    assert.equal(promtool(['check', 'rules', rules]).code, 0);
    const tests = join(MONITORING, 'credrotate-alerts-test.yaml');
    const { code, output } = promtool(['test', 'rules', tests]);
    assert.equal(code, 0, output);
    const names = [...readFileSync(rules, 'utf8').matchAll(/- alert: (\w+)/g)].map(([, name]) => name ?? '');
    const tested = readFileSync(tests, 'utf8');
    assert.deepEqual(
      names.filter((name) => !tested.includes(`alertname: ${name}`)),
      [],
    );
  });
});

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  }[];
}
