import { lstatSync, rmSync, writeFileSync } from 'node:fs';
import type { DotenvSink } from '../../src/core/config.ts';
import type { ApplyRequest, Render, SinkDeps } from '../../src/sinks/contract.ts';
import type { Walker } from '../../src/paths/walked.ts';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { readBootTime } from '../../src/system/boot-time.ts';
import { createCommands } from '../../src/system/commands.ts';
import { fileSecurity } from '../../src/system/descriptors.ts';
import { forgetSink, loadFormats } from '../../src/sinks/formats/render.ts';
import { createUsers } from '../../src/host/users.ts';
import { versionOf, type Credentials } from '../../src/core/credentials.ts';
import { credentials, NOON } from './credentials.ts';

/** The real outside world but for the clock and the format. */
export function sinkDeps(change: Partial<SinkDeps> = {}): SinkDeps {
  return {
    files: createAtomicFiles(),
    security: fileSecurity,
    users: createUsers({ commands: createCommands() }),
    clock: { now: () => NOON },
    readBootTime,
    render: renderKey,
    forget: forgetSink,
    loadFormats,
    ...change,
  };
}

/** A format with one line of its own that keeps all others. A line `refuse` makes it refuse. */
export const renderKey: Render = (existing, { accessKeyId }) => {
  const lines = (existing?.toString('latin1') ?? '').split('\n').filter((line) => line !== '');
  if (lines.includes('refuse')) {
    return { ok: false, error: { code: 'SINK_FORMAT_REFUSED', message: 'the file says so' } };
  }
  const others = lines.filter((line) => !line.startsWith('KEY='));
  return { ok: true, bytes: Buffer.from([...others, keyLine(accessKeyId), ''].join('\n'), 'latin1'), warnings: [] };
};

export function keyLine(accessKeyId: string): string {
  return `KEY=${accessKeyId}`;
}

export function sinkAt(path: string, change: Partial<DotenvSink> = {}): DotenvSink {
  return {
    path,
    source: 'instance',
    format: 'dotenv',
    mode: 0o600,
    notify: [],
    prefix: '',
    names: { accessKeyId: 'A', secretAccessKey: 'B', sessionToken: 'C', expiration: null },
    export: false,
    only: false,
    comment: false,
    ...change,
  };
}

/** Of this process, in these groups beside the owners. */
export function walkerIn(groups: readonly number[] = []): Walker {
  return { uid: process.geteuid?.() ?? 0, groups };
}

type Request = ApplyRequest & { readonly credentials: Credentials };

export function applyRequest(sinks: readonly DotenvSink[], change: Partial<ApplyRequest> = {}): Request {
  const given = change.credentials ?? credentials('1');
  return {
    sinks,
    version: versionOf(given),
    origin: { role: 'app' },
    rotated: true,
    records: {},
    trustedGroups: [],
    privateVolumes: [],
    temps: [],
    beforeWrite: () => Promise.resolve(),
    ...change,
    credentials: given,
  };
}

/** Before Linux 6.13 files have the time of the last tick: two changes within one show by nothing if the length stays. */
export function letTimePass(path: string): void {
  const other = `${path}.other`;
  do writeFileSync(other, '');
  while (lstatSync(other, { bigint: true }).ctimeNs === lstatSync(path, { bigint: true }).ctimeNs);
  rmSync(other);
}
