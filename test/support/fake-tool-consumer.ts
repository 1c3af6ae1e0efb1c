import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Host } from '../../src/host/tool.ts';
import { tempDir } from './temp-dir.ts';

/** A host on which programs of this test stand before the real ones, with systemd as its service manager. */
export interface FakeHost {
  readonly host: Host;
  readonly directory: string;
  /** Puts a program there; `$DIR` is its directory. */
  readonly install: (name: string, script: string) => void;
  /** Arguments of each call that ended up in the log, joined by blanks. */
  readonly calls: () => readonly string[];
}

export function fakeHost(context: TestContext): FakeHost {
  const directory = tempDir(context);
  const log = join(directory, 'log');
  return {
    host: { path: `${directory}:/usr/bin:/bin`, systemd: directory, net: '/proc/nonexistent' },
    directory,
    install: (name, script) => {
      writeFileSync(join(directory, name), `#!/bin/sh\nDIR=${directory}\n${script}\n`, { mode: 0o755 });
    },
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : []),
  };
}
