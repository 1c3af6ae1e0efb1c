// Writes many sinks in a process of its own, twice, and prints what the second time cost: `ours` or `bare`, how many, where,
// and in how many directories there.
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { DotenvSink } from '../src/core/config.ts';
import { versionOf, type Credentials } from '../src/core/credentials.ts';
import { Secret } from '../src/core/secret.ts';
import { applySinks } from '../src/sinks/apply.ts';
import type { SinkRecords } from '../src/sinks/contract.ts';
import { forgetSink, loadFormats, renderSink } from '../src/sinks/formats/render.ts';
import { createAtomicFiles } from '../src/system/atomic-files.ts';
import { readBootTime } from '../src/system/boot-time.ts';
import { createCommands } from '../src/system/commands.ts';
import { createClock } from '../src/system/clock.ts';
import { fileSecurity } from '../src/system/descriptors.ts';
import { createUsers } from '../src/host/users.ts';

const [mode, count = '1', directory = '.', spread = '1'] = process.argv.slice(2);
const directories = Array.from({ length: Number(spread) }, (_, index) => join(directory, String(index)));
for (const path of directories) mkdirSync(path, { mode: 0o700 });
const paths = Array.from({ length: Number(count) }, (_, index) =>
  join(directories[index % directories.length] ?? directory, `${index}.env`),
);
const write = mode === 'bare' ? writeBare : writeOurs();

await write(credentials('1'));
globalThis.gc?.();
const heapBefore = process.memoryUsage().heapUsed;
const started = performance.now();
await write(credentials('2'));
const milliseconds = performance.now() - started;
const kilobytes = (process.memoryUsage().heapUsed - heapBefore) / 1024;
console.log(JSON.stringify({ milliseconds, kilobytes }));

function credentials(name: string): Credentials {
  return {
    accessKeyId: `ASIAEXAMPLE00000000${name}`,
    secretAccessKey: new Secret(name.repeat(40)),
    sessionToken: new Secret(name.repeat(800)),
    expiration: Date.now() + 6 * 3_600_000,
  };
}

/** What anybody would write who knows that a file has to be synced before it is renamed. */
function writeBare({ accessKeyId, secretAccessKey, sessionToken }: Credentials): Promise<void> {
  const bytes = `AWS_ACCESS_KEY_ID=${accessKeyId}\nAWS_SECRET_ACCESS_KEY=${secretAccessKey.reveal()}\nAWS_SESSION_TOKEN=${sessionToken.reveal()}\n`;
  for (const path of paths) {
    const file = openSync(`${path}.new`, 'wx', 0o600);
    writeSync(file, bytes);
    fsyncSync(file);
    closeSync(file);
    renameSync(`${path}.new`, path);
  }
  return Promise.resolve();
}

function writeOurs(): (credentials: Credentials) => Promise<void> {
  const deps = {
    files: createAtomicFiles(),
    security: fileSecurity,
    users: createUsers({ commands: createCommands() }),
    clock: createClock(),
    readBootTime,
    render: renderSink,
    forget: forgetSink,
    loadFormats,
  };
  const names = {
    accessKeyId: 'AWS_ACCESS_KEY_ID',
    secretAccessKey: 'AWS_SECRET_ACCESS_KEY',
    sessionToken: 'AWS_SESSION_TOKEN',
    expiration: null,
  };
  const sink: Omit<DotenvSink, 'path'> = {
    format: 'dotenv',
    source: 'instance',
    mode: 0o600,
    notify: [],
    prefix: '',
    names,
    export: false,
    only: false,
    comment: false,
  };
  const sinks = paths.map((path) => ({ ...sink, path }));
  let records: SinkRecords = {};
  return async (fresh) => {
    const wish = { credentials: fresh, version: versionOf(fresh), origin: {}, rotated: true };
    const request = { ...wish, sinks, records, trustedGroups: [], privateVolumes: [], temps: [] };
    const result = await applySinks(deps, { ...request, beforeWrite: () => Promise.resolve() });
    const failed = result.outcomes.find(({ error }) => error !== undefined);
    if (failed) throw new Error(failed.error?.message);
    records = result.records;
  };
}
