import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Owner, stateDirectory } from '../../agent/published.ts';
import type { World } from '../../agent/world.ts';
import { INSTANCE, type Config } from '../../core/config.ts';
import type { Fetched } from '../../core/contracts.ts';
import { displayKeyId } from '../../core/credentials.ts';
import { toErrorInfo } from '../../core/errors.ts';
import { socketAddress } from '../../core/sockets.ts';
import type { OwnDirectory } from '../../files/own.ts';
import { readLockdown } from '../../lockdown/state.ts';
import { readOrNothing } from '../../paths/accounts.ts';
import { memoryOf } from '../../rotation/state.ts';
import { readState, STATE } from '../../rotation/store.ts';
import { ImdsClient } from '../../source/imds/client.ts';
import { createImdsSource } from '../../source/imds/source.ts';
import { asksInstance } from '../../source/registry.ts';
import type { MachineFacts, MetadataFacts, Unseen } from '../contract.ts';

const CONTAINERS = ['/.dockerenv', '/run/.containerenv', '/run/systemd/container'];
const IMDSD = '/run/systemd/io.systemd.InstanceMetadata';

/** No trouble: a host whose sinks are of other sources may have no role, or be none of EC2. */
const NOT_ASKED: Fetched = { ok: false, state: 'disabled', error: { code: 'IMDS_DISABLED', message: 'not asked' } };

export async function lookAtMetadata(
  world: World,
  config: Config,
): Promise<{ readonly fetched: Fetched; readonly metadata: MetadataFacts }> {
  const services = await world.services();
  const { clock, http } = services;
  const log = await world.openLog(config.log);
  const options = { http, clock, config: config.imds, env: world.env, log };
  const { settings } = new ImdsClient(options);
  const seen = { endpoint: settings.origin, lockdown: await readLockdown(services, config.lockdown) };
  if (!asksInstance(config)) return { fetched: NOT_ASKED, metadata: { ...seen, isProhibited: false } };
  try {
    const fetched = await createImdsSource(options).fetch(world.stop);
    const status = settings.disabled ? undefined : await statusWithoutToken(world, settings.origin);
    const container = CONTAINERS.find((path) => existsSync(path));
    const metadata: MetadataFacts = {
      ...seen,
      isProhibited: isProhibited(),
      ...(!fetched.ok && { trouble: fetched.error }),
      ...(fetched.clockSkew !== undefined && { clockSkew: fetched.clockSkew }),
      ...(status !== undefined && { statusWithoutToken: status }),
      ...(container !== undefined && { container }),
      ...(existsSync(IMDSD) && { imdsd: IMDSD }),
    };
    return { fetched, metadata };
  } finally {
    await http.close();
  }
}

const PATIENCE_MS = 2_000;
const MAX_BYTES = 65_536;

/** A single request, for nothing that is secret. */
async function statusWithoutToken(world: World, origin: string): Promise<number | undefined> {
  const { http } = await world.services();
  const signal = AbortSignal.any([world.stop, AbortSignal.timeout(PATIENCE_MS)]);
  const path = '/latest/meta-data/';
  try {
    return (await http.request({ origin, method: 'GET', path, headers: {}, signal, maxBytes: MAX_BYTES })).status;
  } catch {
    world.stop.throwIfAborted();
    return undefined;
  }
}

/** 169.254.169.254 as the kernel writes it, and the flag of a route that refuses. */
const ADDRESS = socketAddress('169.254.169.254');
const RTF_REJECT = 0x200;

function isProhibited(): boolean {
  const routes = readOrNothing('/proc/net/route').split('\n');
  return routes
    .map((line) => line.split('\t'))
    .some(([, address, , flags = '0']) => address === ADDRESS && (Number.parseInt(flags, 16) & RTF_REJECT) !== 0);
}

export function lookAtMachine(
  owner: Owner,
  fetched: Fetched,
  miss: (unseen: Unseen) => void,
): Omit<MachineFacts, 'hasStatus' | 'hasUnits'> {
  const path = join(owner.directories.state, STATE);
  const directory = stateDirectory(owner);
  const presence = presenceOf(directory);
  if (presence !== 'there' && presence !== 'none') miss({ subject: path, reason: presence });
  const { origin, generation } = memoryOf(readState(directory), INSTANCE);
  return {
    // If it cannot be seen, it counts as existing: its absence would be a finding.
    hasState: presence === 'none' ? false : presence !== 'there' || generation > 0,
    ...(origin.instanceId !== undefined && { stateInstance: origin.instanceId }),
    ...(fetched.ok && fetched.origin.instanceId !== undefined && { instance: fetched.origin.instanceId }),
    ...(fetched.ok && { keyId: displayKeyId(fetched.credentials.accessKeyId) }),
  };
}

function presenceOf(directory: OwnDirectory): string {
  try {
    return directory.has(STATE) ? 'there' : 'none';
  } catch (error) {
    return toErrorInfo(error).message;
  }
}
