// Writes a sink whose file stands already, first a small one and then one of 1 MiB, and prints what the second cost:
// the format, what the file is full of, where.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SinkConfig } from '../src/core/config.ts';
import { versionOf, type Credentials } from '../src/core/credentials.ts';
import { Secret } from '../src/core/secret.ts';
import { createUsers } from '../src/host/users.ts';
import { applySinks } from '../src/sinks/apply.ts';
import { forgetSink, loadFormats, renderSink } from '../src/sinks/formats/render.ts';
import { createAtomicFiles } from '../src/system/atomic-files.ts';
import { readBootTime } from '../src/system/boot-time.ts';
import { createClock } from '../src/system/clock.ts';
import { createCommands } from '../src/system/commands.ts';
import { fileSecurity } from '../src/system/descriptors.ts';
import { SINKS, UNITS } from './rows/existing.ts';

const BYTES = 1024 * 1024;

const [format = '', what = '', directory = '.'] = process.argv.slice(2);
const path = join(directory, 'existing');
const sink = { ...SINKS[format], path } as SinkConfig;
const [first, unit] = UNITS[what] ?? ['', ''];

await write('');
const before = process.resourceUsage().maxRSS;
const milliseconds = await write(first + unit.repeat((BYTES - first.length) / unit.length));
console.log(JSON.stringify({ milliseconds, megabytes: (process.resourceUsage().maxRSS - before) / 1024 }));

/** A refusal costs what it costs. */
async function write(text: string): Promise<number> {
  const deps = {
    files: createAtomicFiles(),
    security: fileSecurity,
    users: createUsers({ commands: createCommands() }),
    // A file that was just emptied is left alone for a moment.
    clock: { ...createClock(), now: () => Date.now() + 60_000 },
    readBootTime,
    render: renderSink,
    forget: forgetSink,
    loadFormats,
  };
  const credentials: Credentials = {
    accessKeyId: 'ASIAEXAMPLE000000001',
    secretAccessKey: new Secret('1'.repeat(40)),
    sessionToken: new Secret('1'.repeat(800)),
    expiration: Date.now() + 6 * 3_600_000,
  };
  writeFileSync(path, text, { mode: 0o600 });
  const wish = { credentials, version: versionOf(credentials), origin: {}, rotated: true, records: {} };
  const started = performance.now();
  const beforeWrite = (): Promise<void> => Promise.resolve();
  await applySinks(deps, { ...wish, sinks: [sink], trustedGroups: [], privateVolumes: [], temps: [], beforeWrite });
  return performance.now() - started;
}
