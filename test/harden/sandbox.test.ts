import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { Config, ConsumerConfig } from '../../src/core/config.ts';
import { dropIn } from '../../src/harden/drop-in.ts';
import { dropInPaths, surveyGround, unitTrouble } from '../../src/harden/sandbox.ts';
import { tempDir } from '../support/temp-dir.ts';
import { configOf, jsonSink } from '../support/topology.ts';

/** Writes the drop-in as `credrotate harden` does. */
function harden(units: string, config: Config): void {
  for (const path of dropInPaths(units)) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, dropIn(config, surveyGround(config)));
  }
}

const NONE: readonly unknown[] = [];
const OTHER = /made for another configuration/;
const CONSUMER: ConsumerConfig = {
  name: 'app',
  type: 'signal',
  when: 'changed',
  signal: 'SIGHUP',
  target: { pidFile: '/run/app.pid' },
  handlesSignal: false,
};

function said(config: Config, units: string): readonly string[] {
  return unitTrouble(config, units).map(({ subject, problem }) => `${subject}: ${problem}`);
}

describe('what of the units does not fit', () => {
  test('a sink that lies outside of what was opened', (t) => {
    const units = tempDir(t);
    // Two directories of root's, whoever runs the test.
    const [etc, usr] = ['/etc/a.json', '/usr/b.json'].map((path) => jsonSink(path));
    assert.ok(etc && usr);
    const config = configOf([etc]);
    assert.deepEqual(unitTrouble(config, units), NONE, 'without a drop-in everything is open');
    harden(units, config);
    assert.deepEqual(unitTrouble(config, units), NONE);
    assert.deepEqual(said(configOf([etc, usr]), units), [
      '/usr/b.json: it lies outside of what credrotate harden has opened',
    ]);
    const textfile = { ...config, metrics: { textfile: '/usr/credrotate.prom' } };
    assert.deepEqual(
      unitTrouble(textfile, units).map(({ subject }) => subject),
      ['/usr/credrotate.prom'],
    );
    harden(units, configOf([etc, usr]));
    assert.match(said(config, units).join(), OTHER, 'it opens more than is needed');
  });

  test('a consumer that the drop-in knows nothing of, or one unit without the drop-in', (t) => {
    const units = tempDir(t);
    const sinks = [jsonSink('/etc/a.json')];
    harden(units, configOf(sinks));
    assert.match(said(configOf(sinks, [CONSUMER]), units).join(), OTHER);
    harden(units, configOf(sinks, [CONSUMER]));
    assert.deepEqual(unitTrouble(configOf(sinks, [CONSUMER]), units), NONE);
    writeFileSync(dropInPaths(units)[1] ?? '', '');
    assert.match(said(configOf(sinks, [CONSUMER]), units).join(), OTHER);
  });

  test('the agent and the timer, both enabled', (t) => {
    const units = tempDir(t);
    const config = configOf([]);
    for (const link of ['multi-user.target.wants/credrotate.service', 'timers.target.wants/credrotate.timer']) {
      assert.deepEqual(unitTrouble(config, units), NONE);
      mkdirSync(dirname(join(units, link)));
      symlinkSync('/nonexistent/as/in/a/test/root', join(units, link));
    }
    assert.match(said(config, units).join(), /both .* are enabled/);
  });
});
