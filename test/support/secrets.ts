import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { isErrno } from '../../src/core/errors.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';

/** What every simulator of this process has ever given out: nothing but a sink may hold any of it. */
const given = new Map<string, string>();

/** A simulator whose credentials, the former ones too, are looked for in all that the product lets out. */
export type Metadata = Pick<Simulator, 'url' | 'requests' | 'current' | 'rotate' | 'setRole' | 'setFaults'>;

/** Closed when the test ends. It rotates when told to and not by itself, so that no credentials escape our notice. */
export async function openMetadata(
  t: TestContext,
  options: Omit<SimulatorOptions, 'rotateEvery' | 'now'> = {},
): Promise<Metadata> {
  const simulator = await createSimulator(options);
  t.after(() => simulator.close());
  remember(simulator);
  return {
    url: simulator.url,
    requests: simulator.requests,
    current: () => simulator.current(),
    rotate: () => {
      simulator.rotate();
      remember(simulator);
    },
    setRole: (role) => {
      simulator.setRole(role);
      remember(simulator);
    },
    setFaults: (faults) => {
      simulator.setFaults(faults);
    },
  };
}

function remember(simulator: Simulator): void {
  const { accessKeyId, secretAccessKey, token } = simulator.current();
  given.set(accessKeyId, 'an access key id in full').set(secretAccessKey, 'a secret key').set(token, 'a token');
}

export function assertNoSecret(where: string, text: string): void {
  assert.ok(given.size > 0, 'nothing to look for');
  for (const [value, name] of given) assert.ok(!text.includes(value), `${where} holds ${name}`);
}

/** Looks at every file below a directory. */
export function assertNoSecretBelow(directory: string): void {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    assertNoSecret(path, contentOf(path));
  }
}

/** A running agent replaces its files while we look. */
function contentOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
