import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { tally } from '../faults/tally.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import type { Machine } from './machine.ts';

/** An old application with a unit of its own, that reads its file at start and on reload, and says so in the journal. */
const READER = `#!/bin/sh
look() {
  echo "$1 $(sed -n 's/^aws_access_key_id *= *.*\\(....\\)$/\\1/p' /root/.aws/credentials 2>/dev/null || echo nothing)"
}
trap 'look reload' HUP
look start
while :; do sleep 3600 & wait $!; kill $!; done
`;

const READER_UNIT = `[Unit]
After=credrotate.service
[Service]
ExecStart=/opt/reader
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
`;

export const SINK = '/root/.aws/credentials';

/** Seconds. */
export const STARTUP_WAIT = limit(6);

export const CONFIG = `sinks: [{ path: ${SINK}, format: aws-credentials, notify: [reader] }]
consumers: { reader: { type: systemd, unit: reader.service } }
startup_wait: ${STARTUP_WAIT}s
`;

export function installReader(root: Pick<Machine, 'write'>): void {
  root.write('/opt/reader', READER, 0o755);
  root.write('/etc/systemd/system/reader.service', READER_UNIT);
}

/** What the reader has said since it was installed: `start WXYZ`, `reload WXYZ`. */
export async function readings(machine: Machine): Promise<readonly string[]> {
  const text = await machine.sh('journalctl --no-pager --output=cat --unit=reader.service _COMM=reader');
  return text.split('\n').filter((line) => line !== '');
}

/** Waits until the reader has said nothing but what it had said `before`, and then this. */
export async function reads(machine: Machine, before: readonly string[], line: string): Promise<void> {
  const since = async (): Promise<readonly string[]> => (await readings(machine)).slice(before.length);
  await eventually(`the reader says: ${line}`, async () => (await since()).length > 0);
  assert.deepEqual(await since(), [line]);
}

export async function isActive(machine: Machine, unit = 'credrotate.service'): Promise<string> {
  return (await machine.run(['systemctl', 'is-active', unit])).stdout.trim();
}

export async function becomesActive(machine: Machine): Promise<void> {
  await eventually('credrotate.service is active', async () => (await isActive(machine)) === 'active');
}

export async function property(machine: Machine, name: string, unit = 'credrotate.service'): Promise<string> {
  return machine.sh(`systemctl show --value --property=${name} ${unit}`);
}

/**
 * One of the steps of a test that a machine goes through, and a row of the table. Shows the journal when it fails; the
 * steps after it, which build on it, are left out.
 */
export function steps(t: TestContext, machine: Machine): (what: string, work: () => Promise<void>) => Promise<void> {
  let failed: string | undefined;
  return async (what, work) => {
    await t.test(what, async (inner) => {
      if (failed !== undefined) {
        inner.skip(`builds on what failed: ${failed}`);
        return;
      }
      failed = what;
      await tally(inner, `${t.name}: ${what}`, async (attempt) => {
        await attempt(() => work().catch(withJournal(inner, machine)));
      });
      failed = undefined;
    });
  };
}

function withJournal(t: TestContext, machine: Machine): (error: unknown) => Promise<never> {
  return async (error) => {
    t.diagnostic(await machine.sh('journalctl --no-pager --lines=60'));
    throw error;
  };
}
