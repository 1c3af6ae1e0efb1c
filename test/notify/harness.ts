import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SignalConsumer } from '../../src/core/config.ts';
import type { Outcome } from '../../src/core/outcomes.ts';
import type { NotifyDeps, NotifyRequest } from '../../src/notify/contract.ts';
import { notifyAndWatch, realDeps, requestFor } from '../support/consumer.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';

export interface Attempt {
  readonly consumer?: Partial<SignalConsumer>;
  readonly request?: Partial<NotifyRequest>;
  readonly deps?: Partial<NotifyDeps>;
}

/** One attempt to send SIGHUP, by pid file unless the consumer says otherwise. */
export async function signalBy(
  target: SignalConsumer['target'],
  { consumer, request, deps }: Attempt = {},
): Promise<Outcome> {
  const whole: SignalConsumer = {
    name: 'app',
    type: 'signal',
    when: 'changed',
    signal: 'SIGHUP',
    target,
    handlesSignal: false,
    ...consumer,
  };
  return await notifyAndWatch(realDeps(deps), requestFor(whole, request), AbortSignal.timeout(limit(20_000)));
}

export async function signalByPidFile(pidFile: string, attempt?: Attempt): Promise<Outcome> {
  return await signalBy({ pidFile }, attempt);
}

/** A pid file in a directory that every user may search. */
export function makePidFile(context: TestContext, content: number | string): string {
  const directory = tempDir(context);
  chmodSync(directory, 0o755);
  const path = join(directory, 'app.pid');
  writeFileSync(path, typeof content === 'number' ? `${content}\n` : content, { mode: 0o644 });
  return path;
}

/** Code and kind of what is pending, else the result. */
export function brief(result: Outcome): string {
  return result.result === 'pending' ? `${result.error.code} ${result.kind}` : result.result;
}
