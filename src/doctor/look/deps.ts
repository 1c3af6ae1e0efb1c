import { sinkDeps } from '../../agent/session.ts';
import type { World } from '../../agent/world.ts';
import type { Config } from '../../core/config.ts';
import type { Credentials } from '../../core/credentials.ts';
import type { ErrorCode, ErrorInfo } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';
import { Secret } from '../../core/secret.ts';
import { type Shown, showUnit, hasSystemd } from '../../host/tool.ts';
import type { NotifyDeps } from '../../notify/contract.ts';
import type { SinkDeps } from '../../sinks/contract.ts';
import type { Unseen } from '../contract.ts';

/** The tools of the doctor, which changes nothing and signals nobody. */
export interface LookDeps {
  readonly sinks: SinkDeps;
  readonly notify: NotifyDeps;
  readonly config: Config;
  readonly signal: AbortSignal;
  readonly miss: (unseen: Unseen) => void;
}

/** The tools for a command. Everything that could not be looked at goes into `unseen`, by its subject. */
export async function openLook(
  world: World,
  config: Config,
): Promise<{ readonly deps: LookDeps; readonly unseen: ReadonlyMap<string, Unseen> }> {
  const services = await world.services();
  const unseen = new Map<string, Unseen>();
  const deps: LookDeps = {
    sinks: sinkDeps(services),
    notify: { ...services, self: { uid: world.uid, gid: world.gid } },
    config,
    signal: world.stop,
    // A user may have chosen these words.
    miss: ({ subject, reason }) => unseen.set(subject, { subject: printable(subject), reason: printable(reason) }),
  };
  return { deps, unseen };
}

/** In place of the credentials, to try what a format says of the existing file. */
export const SAMPLE: Credentials = {
  accessKeyId: 'ASIASAMPLE0000000000',
  secretAccessKey: new Secret('sample'),
  sessionToken: new Secret('sample'),
  expiration: 0,
};

/** Undefined where there is no systemd, or where it gives no answer, which is noted. */
export async function show(
  { notify, signal, miss }: LookDeps,
  unit: string,
  properties: readonly string[],
): Promise<Shown | undefined> {
  if (!hasSystemd(notify)) return undefined;
  const result = await showUnit(notify, unit, properties, { signal }).catch(() => undefined);
  if (result?.exitCode === 0) return result.shown;
  signal.throwIfAborted();
  miss({ subject: unit, reason: 'systemctl gave no answer' });
  return undefined;
}

/**
 * An error that the agent would meet too. Other users may not look everywhere that root's agent may: such a denial is
 * noted as unseen.
 */
export function troubleOfAgent(
  { notify, miss }: LookDeps,
  subject: string,
  error: ErrorInfo | undefined,
  denials: readonly ErrorCode[],
): ErrorInfo | undefined {
  if (!error || notify.self.uid === 0 || !denials.includes(error.code)) return error;
  miss({ subject, reason: error.message });
  return undefined;
}
