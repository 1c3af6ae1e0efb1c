import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentState } from '../../src/rotation/state.ts';
import { tally } from '../faults/tally.ts';
import { openSite, said, type Running, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { startDaemon } from '../support/programs.ts';

/** A daemon that counts, beside an agent that is killed. SOAK_SECONDS=600 makes ten minutes of it. */

const SECOND = 1000;
const DURATION = Number(process.env['SOAK_SECONDS'] ?? 40) * SECOND;
/** An agent watches for two seconds what it has signalled: kills come within that, and around it. */
const LATEST_KILL = 3 * SECOND;

test('a rotation is never lost, and signalled twice only where a kill came first', async (t) => {
  const site = await openSite(t);
  const daemon = await startDaemon(t, site.path('daemon'));
  const config = configure(site, daemon.pidFile);
  let agent = site.start(['run', ...config]);
  await settled(site, 1);
  const end = Date.now() + DURATION;
  let [generation, doubled] = [1, 0];
  await tally(t, 'rotations around a kill of the agent', async (attempt) => {
    while (Date.now() < end) {
      await attempt(async () => {
        generation += 1;
        const before = daemon.notifications();
        site.metadata.rotate();
        const asked = site.start(['refresh']);
        const wasSynced = generation % 4 === 0 || (await killSoon(agent, site, generation));
        if (generation % 4 !== 0) agent = site.start(['run', ...config]);
        await settled(site, generation);
        await asked.ended;
        const signals = daemon.notifications() - before;
        assert.ok(daemon.isAlive());
        assert.ok(signals === 1 || (signals === 2 && !wasSynced), `generation ${generation}: ${signals} signals`);
        doubled += signals - 1;
      });
    }
  });
  t.diagnostic(`${generation} rotations, ${doubled} signalled twice: the kill came between a signal and its sync`);
  // What is settled may be settled by the agent before: this one may not even listen to signals yet.
  await said(agent, /keeps 1 sink fresh/);
  assert.equal((await agent.stop()).code, 0);
});

/** Gives whether it is on disk that the daemon was signalled for this rotation. */
async function killSoon(agent: Running, site: Site, generation: number): Promise<boolean> {
  await delay(Math.random() * LATEST_KILL);
  await agent.stop('SIGKILL');
  const { notifiedOf: known, pending } = consumer(site);
  return (
    known?.['instance']?.generation === generation ||
    (pending?.generations['instance'] === generation && pending.sent !== undefined)
  );
}

test('an expiration that rolls on notifies nobody until a third is left', async (t) => {
  const lifetime = 30 * SECOND;
  const site = await openSite(t, { lifetime: 3 * lifetime });
  const daemon = await startDaemon(t, site.path('daemon'));
  const config = configure(site, daemon.pidFile, { refresh: { max_interval: '1s' } });
  const began = Date.now();
  const roll = (): void => {
    const value = Math.max(1, 2 * lifetime - (Date.now() - began));
    site.metadata.setFaults([{ at: 'credentials', kind: 'expires-earlier', value }]);
  };
  roll();
  const agent = site.start(['run', ...config]);
  await settled(site, 1);
  const told = daemon.notifications();
  const file = (): string => readFileSync(site.path('iam.json'), 'utf8');
  const first = file();
  let passes = 0;
  while (Date.now() < began + lifetime / 2) {
    roll();
    await delay(SECOND);
    passes += 1;
    assert.equal(daemon.notifications(), told, `after ${passes} s`);
  }
  await eventually(
    'it is notified once, when a third is left',
    () => {
      roll();
      return daemon.notifications() === told + 1;
    },
    lifetime,
  );
  assert.ok(Date.now() - began > lifetime / 2);
  assert.notEqual(file(), first, 'it follows');
  assert.equal((await agent.stop()).code, 0);
});

function configure(site: Site, pidFile: string, more: object = {}): readonly string[] {
  const sink = { path: site.path('iam.json'), format: 'json', notify: ['daemon'] };
  const consumers = { daemon: { type: 'signal', pid_file: pidFile } };
  return site.configure({ sinks: [sink], consumers, refresh: { max_interval: '1h' }, ...more });
}

function consumer(site: Site): NonNullable<AgentState['consumers'][string]> {
  const state = JSON.parse(site.state() || '{"consumers":{}}') as AgentState;
  return state.consumers['daemon'] ?? {};
}

/** Waits until the daemon knows a rotation, and nothing is pending. */
async function settled(site: Site, generation: number): Promise<void> {
  await eventually(`rotation ${generation} is known`, () => {
    const { notifiedOf: known, pending } = consumer(site);
    return known?.['instance']?.generation === generation && pending === undefined;
  });
}
