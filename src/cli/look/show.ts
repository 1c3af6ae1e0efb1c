import { showUnit, type Shown } from '../../host/systemctl.ts';
import { hasSystemd } from '../../host/tool.ts';
import type { LookDeps } from './contract.ts';

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
