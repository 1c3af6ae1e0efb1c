import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askControl } from '../../src/agent/control.ts';
import { SOCKET } from '../../src/agent/published.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { writeAuthority } from '../../test/support/certificates.ts';
import { ownDirectory } from '../../test/support/own.ts';
import { startSts, type Sts } from '../../test/support/sts.ts';
import { privateMegabytes, statOf } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';
import { startBare } from './memory.ts';

const GROUP = 'roles assumed over TLS, each with a sink';
/** So many passes, in each of which every role is assumed. */
const PASSES = { 0: 100, 1: 100, 10: 20, 50: 10 } as const;
const ROLES = [0, 1, 10, 50] as const;
/** After the last pass; milliseconds. */
const SETTLE = 2_000;
const ARN = 'arn:aws:sts::123456789012:assumed-role/demo-role/i-0123456789abcdef0';
const LIMITS: Partial<Record<(typeof ROLES)[number], Pick<NonNullable<Row['budget']>, 'limit' | 'aim'>>> = {
  1: { limit: 14, aim: 10 },
  10: { limit: 16 },
  50: { limit: 20 },
};

/** What roles cost beside the instance alone: the time of a pass in which each is assumed, and private memory after such passes. */
export async function sourceRows(setting: Setting): Promise<Row[]> {
  const bare = startBare(setting).process;
  await delay(SETTLE);
  const against = { name: 'bare setInterval', value: statOf([privateMegabytes(bare.pid)]) };
  bare.kill();
  const rows: Row[] = [];
  for (const count of ROLES) {
    const { values, megabytes } = await assumed(setting, count);
    const name = count === 0 ? 'the instance alone' : `${count} ${count === 1 ? 'role' : 'roles'}`;
    const memory = { group: GROUP, name: `private memory, ${name}`, unit: 'MB', ours: statOf([megabytes]), against };
    const budget = LIMITS[count];
    rows.push({ group: GROUP, name: `a pass, ${name}`, unit: 'ms', ours: statOf(values) });
    rows.push({ ...memory, ...(budget && { budget: { of: 'difference', ...budget } }) });
  }
  return rows;
}

interface Assumed {
  /** Milliseconds of each pass. */
  readonly values: readonly number[];
  readonly megabytes: number;
}

async function assumed({ executable, site }: Setting, count: (typeof ROLES)[number]): Promise<Assumed> {
  const directory = site.fresh('roles');
  for (const name of ['sinks', 'run', 'state']) site.fresh(`roles/${name}`);
  const metadata = await createSimulator({});
  const names = Array.from({ length: count }, (_, index) => `role-${index}`);
  const { file, ...tls } = writeAuthority(site.fresh('roles/tls'));
  const callers = () => {
    const { token, ...keys } = metadata.current();
    return [{ ...keys, sessionToken: token, arn: ARN }];
  };
  const sts = await startSts({ tls, callers, roles: names.map((name) => ({ arn: arnOf(name) })) });
  const config = site.write('roles.yaml', configOf(names, { directory, endpoint: sts.url, file }));
  const env = { ...site.env('roles'), PATH: '/usr/bin:/bin', AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url };
  const child = spawn(executable, ['run', '--config', config], { env, stdio: 'ignore' });
  const run = join(directory, 'run');
  while (!existsSync(join(run, SOCKET))) await delay(20);
  const sources = ['instance', ...names];
  const request = { command: 'refresh', notifyAll: false, sources } as const;
  const pass = async (): Promise<number> => {
    const started = performance.now();
    await askControl(ownDirectory(run), request, AbortSignal.timeout(60_000));
    return performance.now() - started;
  };
  const values: number[] = [];
  for (let index = 0; index < PASSES[count]; index += 1) values.push(await pass());
  assertAssumed(sts, count * PASSES[count]);
  await delay(SETTLE);
  const megabytes = privateMegabytes(child.pid);
  child.kill();
  await once(child, 'exit');
  await Promise.all([sts.close(), metadata.close()]);
  return { values, megabytes };
}

function arnOf(name: string): string {
  return `arn:aws:iam::123456789012:role/${name}`;
}

function configOf(
  names: readonly string[],
  { directory, endpoint, file }: { readonly directory: string; readonly endpoint: string; readonly file: string },
): object {
  const sink = (source: string): object => ({ path: join(directory, 'sinks', source), format: 'dotenv', source });
  const source = (name: string): object => ({ type: 'assume_role', role_arn: arnOf(name), endpoint, ca_file: file });
  return {
    ...(names.length > 0 && { sources: Object.fromEntries(names.map((name) => [name, source(name)])) }),
    sinks: ['instance', ...names].map(sink),
  };
}

/** What failed would have cost less. */
function assertAssumed({ sessions, calls }: Sts, least: number): void {
  if (sessions.length >= least) return;
  throw new Error(`expected ${least} sessions, got ${sessions.length}: ${calls.at(-1)?.outcome ?? 'no call'}`);
}
