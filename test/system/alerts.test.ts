import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { assertFiring, needsPromtool } from '../support/alerts.ts';
import { eventually } from '../support/eventually.ts';

/** From what the executable leaves in its metrics file to the alerts that the rules of the packages raise. */

interface Scene {
  readonly site: Site;
  readonly config: readonly string[];
  /** Fails unless these alerts fire, and no others, where nothing changes any more for so many minutes. */
  readonly fires: (minutes: number, ...names: readonly string[]) => void;
}

async function openScene(t: TestContext): Promise<Scene> {
  const site = await openSite(t);
  return {
    site,
    config: configure(site),
    fires: (minutes, ...names) => {
      const alerts = names.map((name) => `{alertname="Credrotate${name}"}`);
      assertFiring(site.directory, metricsOf(site), { minutes, by: 'alertname', alerts });
    },
  };
}

function configure(site: Site): readonly string[] {
  const sinks = ['a', 'b'].map((name) => ({ path: site.path(name), format: 'json' }));
  return site.configure({ sinks, metrics: { textfile: site.path('metrics.prom') } });
}

const metricsOf = (site: Site): string => readFileSync(site.path('metrics.prom'), 'utf8');

describe('alerts of what once said OK', { skip: needsPromtool }, () => {
  test('a file that is gone while the source is away', async (t) => {
    const { site, config, fires } = await openScene(t);
    assert.equal((await site.run(['once', '--every', '1h', ...config])).code, 0);
    fires(20);
    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    rmSync(site.path('a'));
    assert.equal((await site.run(['once', '--every', '1h', ...config])).code, 75);
    fires(9);
    fires(11, 'SinkNotUpToDate');
    fires(32, 'SinkNotUpToDate', 'SourceBad');
  });

  test('an agent that was stopped, and one that was killed', async (t) => {
    const { site, config, fires } = await openScene(t);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      rmSync(site.path('metrics.prom'), { force: true });
      const agent = site.start(['run', ...config]);
      await eventually('it has published', () => existsSync(site.path('metrics.prom')));
      await agent.stop(signal);
      fires(1);
      fires(25, 'NotRunning');
    }
  });

  test('one-shots that nothing starts any more', async (t) => {
    const { site, config, fires } = await openScene(t);
    assert.equal((await site.run(['once', '--every', '5m', ...config])).code, 0);
    fires(9);
    fires(25, 'NotRunning');
  });

  test('a configuration that a reload refused', async (t) => {
    const { site, config, fires } = await openScene(t);
    const agent = site.start(['run', ...config]);
    await said(agent, /rotation 1: /);
    site.configure('sinks: {');
    agent.process.kill('SIGHUP');
    await said(agent, /configuration kept as it was: /);
    await site.run(['refresh']);
    await eventually('the metric says so', () => metricsOf(site).includes('\ncredrotate_config_in_force 0\n'));
    fires(9);
    fires(11, 'ConfigNotInForce');
    configure(site);
    agent.process.kill('SIGHUP');
    await eventually('all is well again', () => metricsOf(site).includes('\ncredrotate_config_in_force 1\n'));
    fires(9);
    await agent.stop();
  });
});
